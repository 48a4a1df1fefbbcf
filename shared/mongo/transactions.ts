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
import { type ClientSession, MongoError, MongoErrorLabel } from "mongodb";
import { err } from "neverthrow";
import type { Answer } from "../contract/repository.ts";
import { type Attempts, againstContention } from "./contention.ts";
import { TOO_LATE, type WriteLimits } from "./pace.ts";

/** What each call in the transaction is given, asked for anew: less and less time is left. */
export type CallOptions = () => { session?: ClientSession; maxTimeMS: number };

/**
 * Runs `work` in a transaction, and commits what it says is ok; an error that it returns leaves nothing written. It may
 * run several times, so it has no effects beside its calls, which it makes one after the other (a session takes no two).
 */
export async function inTransaction<T>(limits: WriteLimits, work: (options: CallOptions) => Answer<T>): Answer<T> {
  const session = limits.db.client.startSession({ causalConsistency: false });
  try {
    return await againstContention(limits, async ({ left, pause }) => {
      session.startTransaction({
        readConcern: { level: "snapshot" },
        writeConcern: { w: "majority" },
        maxCommitTimeMS: left(),
      });
      try {
        const result = await work(() => ({ session, maxTimeMS: left() }));
        // aborted with the session's end
        if (limits.signal?.aborted) return err(TOO_LATE);
        if (result.isOk()) await commit(session, pause);
        return result;
      } catch (error) {
        if (session.inTransaction()) await session.abortTransaction();
        throw error;
      }
    });
  } finally {
    // aborts what is open
    await session.endSession();
  }
}

/**
 * A commit whose answer is lost may have happened. Asked again the server answers the same; what cannot be found out is
 * thrown on and not tried again, as with any write whose answer is lost: the caller's next request finds what is there.
 */
async function commit(session: ClientSession, pause: Attempts["pause"]): Promise<void> {
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
