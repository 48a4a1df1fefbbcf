/**
 * lite prints every refusal of the database with its stack, also those that a client is told anyway (a duplicate key, a
 * denied permission). Here they become nothing, and what is left a line each. And where PostgREST answers with the SQLSTATE,
 * for those that are an application's own (our triggers' SY...), for a read-only database's and for a statement's that took too
 * long, lite answers 500 without it: mended here, too.
 */
import { AsyncLocalStorage } from "node:async_hooks";

type Part = "auth" | "rest";
/** As much of Postgres' error as a client is told. */
type Refused = Error & { code?: unknown; detail?: string; hint?: string };
const serving = new AsyncLocalStorage<{ part: Part; refused?: Refused }>();
const original = console.error;
let users = 0;

/** What PostgREST answers with these SQLSTATEs; SY is a class that neither Postgres nor PostgREST has. */
const STATUSES: readonly (readonly [RegExp, number])[] = [
  [/^SY\d{3}$/, 400],
  [/^25006$/, 405],
  [/^57014$/, 500],
];

function short(...args: unknown[]): void {
  const served = serving.getStore();
  const error = args.find((arg): arg is Refused => arg instanceof Error);
  if (!served || !error) {
    original(...args);
    return;
  }
  const { part } = served;
  const code = typeof error.code === "string" ? error.code : undefined;
  served.refused = error;
  // the server's own troubles: out of something, shut down, broken; or no SQLSTATE at all
  const serious = !code || /^(08|53|57|58|XX)/.test(code);
  if (part === "auth" || serious) original(`Supabase ${part}: ${code ? `${code} ` : ""}${error.message}`);
}

async function served(part: Part, work: () => Promise<Response>): Promise<Response> {
  const state: { part: Part; refused?: Refused } = { part };
  const answer = await serving.run(state, work);
  const { code, message, detail, hint } = state.refused ?? {};
  const status = STATUSES.find(([codes]) => codes.test(String(code)))?.[1];
  if (answer.status !== 500 || status === undefined) return answer;
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  const body = { code, message, details: detail ?? null, hint: hint ?? null };
  return new Response(JSON.stringify(body), { status, headers });
}

export interface LiteErrors {
  during(part: Part, work: () => Promise<Response>): Promise<Response>;
  stop(): void;
}

export function shortenLiteErrors(): LiteErrors {
  if (users++ === 0) console.error = short;
  return {
    during: served,
    stop() {
      if (--users === 0) console.error = original;
    },
  };
}
