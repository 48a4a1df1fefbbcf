/**
 * Takes away what deleted users left behind, in every database. The tasks are in the control plane (`switchyard.tasks`, queue
 * `purge`): claimed with a lease, reported done or failed, and repeated until they succeed, so any number of workers may
 * run this at once, and a crash loses nothing.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Log } from "../log.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Database } from "../repository/database.ts";
import { variableOf } from "./database-names.ts";
import { downReason } from "./down-reason.ts";

/** As much of a database as purges need. */
export type PurgedDatabase = Pick<Database, "name" | "title"> & { system: Pick<Database["system"], "purge"> };

export interface PurgeOptions {
  /** a supabase-js client of the control plane with the secret key */
  control: SupabaseClient;
  databases: readonly PurgedDatabase[];
  log: Log;
  clock: () => number;
  /** tasks that are claimed at once */
  limit?: number;
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
  subject: string;
  attempts: number;
}

const QUEUE = "purge";

/** How long tasks wait that cannot be done from here. Due at once, they would be what workers are woken for, for ever. */
const UNREACHABLE_RETRY_SECONDS = 900;

/** Works off every task that is due. A database that is down fails its tasks, which are due again within seconds. */
export async function runPurges(options: PurgeOptions): Promise<Result<PurgeReport, RepositoryError>> {
  const { control, databases } = options;
  const due = await callSystem<string[]>(control, "switchyard_due_databases", { p_queue: QUEUE });
  if (due.isErr()) return due.map(() => ({ purged: 0, failed: 0 }));
  const reports = await Promise.all(
    due.value.map((name) => {
      const database = databases.find((each) => each.name === name);
      return database ? purgeDatabase(options, database) : postpone(options, name);
    }),
  );
  const total: PurgeReport = { purged: 0, failed: 0 };
  for (const report of reports) {
    if (report.isErr()) return report;
    total.purged += report.value.purged;
    total.failed += report.value.failed;
  }
  // forgotten a month later: nothing depends on its success
  await callSystem(control, "switchyard_purge_trim");
  // where pg_cron does not do it
  await callSystem(control, "switchyard_expire_unconfirmed");
  return ok(total);
}

async function purgeDatabase(
  { control, log, clock, limit = 20, timeoutMs = 20_000 }: PurgeOptions,
  { name, title, system }: PurgedDatabase,
): Promise<Result<PurgeReport, RepositoryError>> {
  const until = clock() + timeoutMs;
  const report: PurgeReport = { purged: 0, failed: 0 };
  for (;;) {
    const claimed = await callSystem<Task[]>(control, "switchyard_claim_tasks", {
      p_queue: QUEUE,
      p_database: name,
      p_limit: limit,
    });
    if (claimed.isErr()) return claimed.map(() => report);
    let down: string | undefined;
    for (const { id, subject, attempts } of claimed.value) {
      // one failure stands for all that were claimed with it: a database that is down is not asked twenty times
      down ??= await system.purge(subject).then(
        () => undefined,
        (failure) => downReason(title, failure),
      );
      const lease = { p_id: id, p_attempts: attempts };
      const kept = down
        ? await callSystem<boolean>(control, "switchyard_fail_task", { ...lease, p_error: down })
        : await callSystem<boolean>(control, "switchyard_finish_task", lease);
      if (kept.isErr()) return kept.map(() => report);
      // it took so long that another worker has the task now, and reports it
      if (!kept.value) continue;
      if (down) report.failed++;
      else {
        report.purged++;
        log.info("purged", { user_id: subject, database: name });
      }
    }
    if (down) log.warn("purge_waits", { database: name, tasks: report.failed, reason: down });
    if (down || claimed.value.length < limit || clock() > until) return ok(report);
  }
}

/** A database that takes users, and that whoever runs this knows nothing of. */
async function postpone({ control, log }: PurgeOptions, name: string): Promise<Result<PurgeReport, RepositoryError>> {
  const reason = `not configured here: set ${variableOf(name)}`;
  const postponed = await callSystem<number>(control, "switchyard_postpone_tasks", {
    p_queue: QUEUE,
    p_database: name,
    p_error: reason,
    p_retry_seconds: UNREACHABLE_RETRY_SECONDS,
  });
  if (postponed.isOk()) log.warn("purge_waits", { database: name, tasks: postponed.value, reason });
  return postponed.map((failed) => ({ purged: 0, failed }));
}
