/**
 * Keeps the copy in MongoDB up to date in development: brings it up once, as `switchyard replication backfill` does, and then
 * has marked rows copied, as pg_cron does on a hosted project, and what MongoDB has taken brought to Supabase. Idle, it asks each
 * of them one small question a second.
 */
import type { Collection } from "../../shared/definition/define.ts";
import {
  type OpenReplication,
  type OpenReplicationOptions,
  openReplication,
} from "../../shared/operations/open-replication.ts";
import { backfill } from "../../shared/replication/backfill.ts";
import type { ReplicationStatus } from "../../shared/replication/source.ts";
import { startLoop } from "./loop.ts";
import type { RunningSupabase } from "./supabase.ts";

const EVERY_MS = 1_000;

export interface ReplicationLoopOptions extends Omit<OpenReplicationOptions, "appName"> {
  readonly sql: RunningSupabase["sql"];
  /** Has marked rows copied. Rejects when that could not be done. */
  readonly replicate: (signal: AbortSignal) => Promise<void>;
  readonly trouble: (message: string) => void;
  readonly everyMs?: number;
}

export function startReplicationLoop(options: ReplicationLoopOptions): { stop(): Promise<void> } {
  const { sql, replicate, trouble, everyMs = EVERY_MS } = options;
  const replication = openReplication({ ...options, appName: "switchyard-dev" });
  let isUp = false;
  const loop = startLoop({
    async round(signal) {
      if (!isUp) await bringUp(sql, replication);
      isUp = true;
      const [pending] = await sql<{ some: boolean }>("select public.switchyard_replication_pending() as some");
      // while MongoDB is away nothing is to be had from there
      const isUnsent = async () => (await replication.copy?.collector.isPending())?.unwrapOr(false) ?? false;
      if (pending?.some || (await isUnsent())) await replicate(signal);
    },
    everyMs,
    trouble,
  });
  return {
    async stop() {
      await loop.stop();
      await replication.close();
    },
  };
}

/** What was never copied whole, or only in part: each is brought up once, and goes on where it was. */
async function bringUp(sql: ReplicationLoopOptions["sql"], replication: OpenReplication): Promise<void> {
  const { source, copy, collections } = replication;
  if (!copy || collections.length === 0) return;
  const status = await source.status();
  if (status.isErr()) throw new Error(status.error.message);
  const [state] = await sql<{ ever: boolean }>("select switched_by is not null as ever from switchyard.replication");
  // somebody has switched it off, and knows why
  if (!status.value.is_on && state?.ever) return;
  const due = collections.filter(({ name }) => !isWhole(status.value, name));
  const ready = await copy.ready();
  if (ready.isErr()) throw new Error(ready.error.message);
  const filled = await backfill({ source, ...copy, collections: due });
  if (filled.isErr()) throw new Error(filled.error.message);
}

const isWhole = ({ collections }: ReplicationStatus, name: Collection["name"]): boolean =>
  collections.some(({ collection, backfill: filled }) => collection === name && (filled?.done_at ?? null) !== null);
