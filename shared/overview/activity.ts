/** What users did, noted behind their answers. Where MongoDB is away it is not noted, and nobody hears of it but the operator. */
import { mongoCollections } from "../collections/index.ts";
import type { RecordOf } from "../definition/define.ts";
import { deadlineIn } from "../placement/deadline.ts";
import type { Router } from "../placement/router.ts";
import { createWriteBehind, type WriteBehindStats } from "../write-behind.ts";

const { activity_logs: collection } = mongoCollections;
type ActivityRecord = RecordOf<typeof collection>;

/** A change that was made. */
type Done = Pick<ActivityRecord, "action" | "at" | "resource_ids" | "request_id" | "home" | "address"> & {
  userId: string;
};

export interface Activity {
  /** Never waits, and never throws. */
  note(done: Done): void;
  /** Of somebody whose account is gone, nothing more is written. */
  forget(userId: string): void;
  stats(): WriteBehindStats;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export interface ActivityOptions {
  router: Pick<Router, "repository">;
  /** of the calls of one turn, in milliseconds */
  deadlineMs: number;
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

const LIMIT = 1_000;
/** Calls at a time: they take connections that requests wait for. */
const BATCH_SIZE = 4;
/** As long as the breaker of a database is open. */
const PAUSE_MS = 1_000;
const AWAY: ReadonlySet<string> = new Set(["unavailable", "busy", "throttled", "misconfigured", "storage_full"]);

export function createActivity({ router, deadlineMs, waitUntil }: ActivityOptions): Activity {
  const queue = createWriteBehind<Done>({
    ...{ limit: LIMIT, batchSize: BATCH_SIZE, pauseMs: PAUSE_MS, waitUntil },
    // kept for later it could outlive its user, whose records have been purged by then
    sendsAgain: false,
    async write(entries) {
      const signal = deadlineIn(deadlineMs);
      const codes = await Promise.all(
        entries.map(async ({ userId, ...entry }) => {
          // the system writes it: no token is kept for that
          const records = await router.repository(collection, { id: userId, jwt: "", signal });
          if (records.isErr()) return records.error.code;
          const made = await records.value.create(entry);
          return made.isErr() ? made.error.code : undefined;
        }),
      );
      return {
        failed: entries.filter((_, index) => codes[index] !== undefined),
        isAway: codes.some((code) => code !== undefined && AWAY.has(code)),
      };
    },
  });
  return {
    note: queue.push,
    forget: (id) => queue.forget(({ userId }) => userId === id),
    stats: queue.stats,
    settled: queue.settled,
  };
}
