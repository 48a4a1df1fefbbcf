/**
 * Takes away what deleted users left behind, in every database. The tasks are in Postgres (`switchyard.purge_tasks`):
 * claimed with a lease, reported done or failed, and repeated until they succeed, so any number of workers may run this
 * at once, and a crash loses nothing.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import { type Db, UUID } from "mongodb";
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Log } from "../log.ts";
import { callSystem } from "../postgres/system-call.ts";
import { downReason } from "./down-reason.ts";

export interface PurgeOptions {
  /** a supabase-js client with the secret key */
  supabase: SupabaseClient;
  /** undefined: MongoDB is not configured, and its tasks wait */
  mongo: (() => Promise<Db>) | undefined;
  /** names of the collections whose documents have `_id.user_id` */
  collections: readonly string[];
  log: Log;
  clock: () => number;
  /** tasks that are claimed at once */
  limit?: number;
  /** records that are deleted with one call in Postgres */
  batchSize?: number;
  /** no further tasks are claimed after that time */
  timeoutMs?: number;
}

/** Numbers of tasks. */
export interface PurgeReport {
  purged: number;
  failed: number;
}

interface Task {
  id: number;
  user_id: string;
}
type Delete = (userId: string) => Promise<void>;

/** Works off every task that is due. A database that is down fails its tasks, which are due again within seconds. */
export async function runPurges(options: PurgeOptions): Promise<Result<PurgeReport, RepositoryError>> {
  const { supabase, mongo, collections, batchSize = 1_000 } = options;
  const inPostgres: Delete = async (userId) => {
    const batch = { p_user_id: userId, p_batch_size: batchSize };
    for (;;) {
      const deleted = await callSystem<number>(supabase, "switchyard_purge_supabase", batch);
      if (deleted.isErr()) throw deleted.error;
      if (deleted.value === 0) return;
    }
  };
  const inMongo = mongo && (async (userId: string) => deleteDocuments(await mongo(), collections, userId));
  const reports = await Promise.all([
    purgeDatabase(options, "supabase", "Supabase", inPostgres),
    ...(inMongo ? [purgeDatabase(options, "mongodb", "MongoDB", inMongo)] : []),
  ]);
  const total: PurgeReport = { purged: 0, failed: 0 };
  for (const report of reports) {
    if (report.isErr()) return report;
    total.purged += report.value.purged;
    total.failed += report.value.failed;
  }
  // forgotten a month later: nothing depends on its success
  await callSystem(supabase, "switchyard_purge_trim");
  return ok(total);
}

async function purgeDatabase(
  { supabase, log, clock, limit = 20, timeoutMs = 20_000 }: PurgeOptions,
  database: string,
  title: string,
  deleteAll: Delete,
): Promise<Result<PurgeReport, RepositoryError>> {
  const until = clock() + timeoutMs;
  const report: PurgeReport = { purged: 0, failed: 0 };
  for (;;) {
    const claimed = await callSystem<Task[]>(supabase, "switchyard_purge_claim", {
      p_database: database,
      p_limit: limit,
    });
    if (claimed.isErr()) return claimed.map(() => report);
    let down: string | undefined;
    for (const { id, user_id } of claimed.value) {
      // one failure stands for all that were claimed with it: a database that is down is not asked twenty times
      down ??= await deleteAll(user_id).then(
        () => undefined,
        (failure) => downReason(title, failure),
      );
      const answer = down
        ? await callSystem(supabase, "switchyard_purge_failed", { p_id: id, p_error: down })
        : await callSystem(supabase, "switchyard_purge_done", { p_id: id });
      if (answer.isErr()) return answer.map(() => report);
      if (down) report.failed++;
      else {
        report.purged++;
        log.info("purged", { user_id, database });
      }
    }
    if (down) log.warn("purge_waits", { database, tasks: report.failed, reason: down });
    if (down || claimed.value.length < limit || clock() > until) return ok(report);
  }
}

const MAX_TIME_MS = 8_000;

/** What a time-out leaves is deleted by the next try: documents go one by one. */
async function deleteDocuments(db: Db, collections: readonly string[], userId: string): Promise<void> {
  for (const name of collections)
    await db.collection(name).deleteMany({ "_id.user_id": new UUID(userId) }, { maxTimeMS: MAX_TIME_MS });
}
