/**
 * Writes that others are in the way of, tried again within their time. In a transaction mongod refuses the later of two
 * with 112 (WriteConflict) and leaves trying again to the caller; a plain write it tries again by itself. DocumentDB and
 * FerretDB answer plain writes with 112 too (seen: "deadlock detected" for a renaming beside a transaction that touched
 * the same record), so those are tried again here as well: 112 says that nothing was written.
 */
import { MongoErrorLabel, MongoServerError } from "mongodb";
import { err } from "neverthrow";
import type { Answer } from "../contract/repository.ts";
import { BUSY, TOO_LATE, type WriteLimits } from "./pace.ts";

const LONGEST_PAUSE_MS = 100;
const LOCK_TIMEOUT = 24;
const WRITE_CONFLICT = 112;
const NO_SUCH_TRANSACTION = 251;

export interface Attempts {
  /** milliseconds that are left, at least one */
  left(): number;
  /** longer from attempt to attempt; false when no time is left */
  pause(attempt: number): Promise<boolean>;
}

/** Runs `attempt`, again as long as it throws that others were in the way and time is left; then `BUSY`. */
export async function againstContention<T>(
  { maxTimeMs, pace, signal }: WriteLimits,
  attempt: (attempts: Attempts) => Answer<T>,
): Answer<T> {
  const until = pace.clock() + maxTimeMs;
  const attempts: Attempts = {
    left: () => Math.max(1, Math.ceil(until - pace.clock())),
    async pause(made) {
      const ms = pace.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** made);
      if (pace.clock() + ms >= until) return false;
      await pace.wait(ms);
      return true;
    },
  };
  for (let made = 0; ; made++) {
    try {
      return await attempt(attempts);
    } catch (error) {
      if (!isContention(error)) throw error;
    }
    if (!(await attempts.pause(made))) return err(BUSY);
    if (signal?.aborted) return err(TOO_LATE);
  }
}

/**
 * By code: DocumentDB's 112 need not carry the label. A 251 without it answers a second commit of which DocumentDB has
 * forgotten whether the first one happened.
 */
function isContention(error: unknown): boolean {
  if (!(error instanceof MongoServerError)) return false;
  if (error.code === NO_SUCH_TRANSACTION) return error.hasErrorLabel(MongoErrorLabel.TransientTransactionError);
  return error.code === WRITE_CONFLICT || error.code === LOCK_TIMEOUT;
}
