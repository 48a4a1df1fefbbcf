/**
 * Up to when a replica is complete, asked at most once a second: what was true then is true still, and said of rows that are
 * read later it is at worst too modest. (Asked for *after* the rows it would promise some that are not among them.)
 */
import { within } from "../values/within.ts";

const KEPT_MS = 1_000;

export interface CompleteUpToOptions {
  read: () => Promise<Date | null>;
  /** no answer waits longer for it, in milliseconds */
  limitMs: number;
  /** milliseconds, of any beginning */
  clock: () => number;
}

/** Null: nobody knows, or not in time. Never rejects. */
export function createCompleteUpTo({ read, limitMs, clock }: CompleteUpToOptions): () => Promise<Date | null> {
  let known: { at: number; value: Date | null } | undefined;
  let reading: Promise<Date | null> | undefined;
  const readAgain = async () => {
    const value = await read().catch(() => null);
    known = { at: clock(), value };
    return value;
  };
  return async () => {
    if (known && Math.abs(clock() - known.at) <= KEPT_MS) return known.value;
    reading ??= readAgain().finally(() => {
      reading = undefined;
    });
    return (await within(limitMs, reading)) ?? null;
  };
}
