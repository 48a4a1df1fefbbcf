/**
 * lite prints every refusal of the database with its stack, also those that a client is told anyway (a duplicate key, a
 * denied permission). Here they become nothing, and what is left a line each. And where PostgREST answers 400 with the
 * SQLSTATE, for those that are an application's own (our triggers' SY...), lite answers 500 without it: mended here, too.
 */
import { AsyncLocalStorage } from "node:async_hooks";

type Part = "auth" | "rest";
/** As much of Postgres' error as a client is told. */
type Refused = Error & { code?: unknown; detail?: string; hint?: string };
const serving = new AsyncLocalStorage<{ part: Part; refused?: Refused }>();
const original = console.error;
let users = 0;

/** Of a class that neither Postgres nor PostgREST has. */
const OWN = /^SY\d{3}$/;

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
  if (answer.status !== 500 || !OWN.test(String(code))) return answer;
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  const body = { code, message, details: detail ?? null, hint: hint ?? null };
  return new Response(JSON.stringify(body), { status: 400, headers });
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
