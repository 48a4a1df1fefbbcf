/**
 * lite prints every refusal of the database with its stack, also those that a client is told anyway (a duplicate key, a
 * denied permission). Here they become nothing, and what is left a line each.
 */
import { AsyncLocalStorage } from "node:async_hooks";

type Part = "auth" | "rest";
const serving = new AsyncLocalStorage<Part>();
const original = console.error;
let users = 0;

function short(...args: unknown[]): void {
  const part = serving.getStore();
  const error = args.find((arg): arg is Error & { code?: unknown } => arg instanceof Error);
  if (!part || !error) {
    original(...args);
    return;
  }
  const code = typeof error.code === "string" ? error.code : undefined;
  // the server's own troubles: out of something, shut down, broken; or no SQLSTATE at all
  const serious = !code || /^(08|53|57|58|XX)/.test(code);
  if (part === "auth" || serious) original(`Supabase ${part}: ${code ? `${code} ` : ""}${error.message}`);
}

export interface LiteErrors {
  during<T>(part: Part, work: () => Promise<T>): Promise<T>;
  stop(): void;
}

export function shortenLiteErrors(): LiteErrors {
  if (users++ === 0) console.error = short;
  return {
    during: (part, work) => serving.run(part, work),
    stop() {
      if (--users === 0) console.error = original;
    },
  };
}
