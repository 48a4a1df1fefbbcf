/**
 * Several writes in MongoDB that happen together or not at all.
 *
 * Of two transactions that write the same document, mongod refuses the later write at once with 112 (WriteConflict), and
 * DocumentDB once the earlier has committed; nothing waits for ever. That is what references rest on, and trying again is
 * ours: the driver's own `withTransaction` goes on for 120 seconds, whoever waits for the answer.
 *
 * A process that dies in a transaction leaves it open on the server, with what it has written closed to others, until the
 * server ends it after `transactionLifetimeLimitSeconds` (60 by default). Until then they are told to try again.
 */
import { type ClientSession, MongoError, MongoErrorLabel, MongoServerError } from "mongodb";
import { err } from "neverthrow";
import type { Answer } from "../contract/repository.ts";
import { BUSY, TOO_LATE, type WriteLimits } from "./pace.ts";

/** What each call in the transaction is given, asked for anew: less and less time is left. */
export type CallOptions = () => { session?: ClientSession; maxTimeMS: number };

const LONGEST_PAUSE_MS = 100;
const LOCK_TIMEOUT = 24;
const WRITE_CONFLICT = 112;
const NO_SUCH_TRANSACTION = 251;

/**
 * Runs `work` in a transaction, and commits what it says is ok; an error that it returns leaves nothing written. It may
 * run several times, so it has no effects beside its calls, which it makes one after the other (a session takes no two).
 */
export async function inTransaction<T>(
  { db, maxTimeMs, pace, signal }: WriteLimits,
  work: (options: CallOptions) => Answer<T>,
): Answer<T> {
  const until = pace.clock() + maxTimeMs;
  const left = () => Math.max(1, Math.ceil(until - pace.clock()));
  const session = db.client.startSession({ causalConsistency: false });
  /** False when no time is left. */
  const pause = async (attempt: number) => {
    const ms = pace.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** attempt);
    if (pace.clock() + ms >= until) return false;
    await pace.wait(ms);
    return true;
  };
  try {
    for (let attempt = 0; ; attempt++) {
      session.startTransaction({
        readConcern: { level: "snapshot" },
        writeConcern: { w: "majority" },
        maxCommitTimeMS: left(),
      });
      try {
        const result = await work(() => ({ session, maxTimeMS: left() }));
        // aborted with the session's end
        if (signal?.aborted) return err(TOO_LATE);
        if (result.isOk()) await commit(session, pause);
        return result;
      } catch (error) {
        if (!isContention(error)) throw error;
        if (session.inTransaction()) await session.abortTransaction();
      }
      if (!(await pause(attempt))) return err(BUSY);
      if (signal?.aborted) return err(TOO_LATE);
    }
  } finally {
    // aborts what is open
    await session.endSession();
  }
}

/**
 * A commit whose answer is lost may have happened. Asked again the server answers the same; what cannot be found out is
 * thrown on and not tried again, as with any write whose answer is lost: the caller's next request finds what is there.
 */
async function commit(session: ClientSession, pause: (attempt: number) => Promise<boolean>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await session.commitTransaction();
    } catch (error) {
      const isUnknown =
        error instanceof MongoError && error.hasErrorLabel(MongoErrorLabel.UnknownTransactionCommitResult);
      if (!isUnknown || !(await pause(attempt))) throw error;
    }
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
