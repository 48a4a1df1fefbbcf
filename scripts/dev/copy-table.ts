/**
 * Both sides of what is copied, for the first start: it waits a little until both have everything. On a slow machine MongoDB
 * may have taken messages for Supabase, which are brought there afterwards.
 */
import type { Collection } from "../../shared/definition/define.ts";
import {
  type OpenReplication,
  type OpenReplicationOptions,
  openReplication,
} from "../../shared/operations/open-replication.ts";
import { readCopy } from "../../shared/operations/read-copy.ts";
import type { ReplicationStatus } from "../../shared/replication/source.ts";
import { table } from "../commands/command.ts";
import { copyWords } from "../commands/copy-words.ts";
import { pause } from "./pause.ts";
import type { RunningSupabase } from "./supabase.ts";

const AGAIN_MS = 250;

export interface CopyTableOptions extends Omit<OpenReplicationOptions, "appName"> {
  readonly sql: RunningSupabase["sql"];
  readonly cancel: AbortSignal;
  /** What is not copied by then is shown as it is. */
  readonly waitMs: number;
}

/** Lines; none where nothing is copied. */
export async function copyTable({ sql, cancel, waitMs, ...options }: CopyTableOptions): Promise<string[]> {
  const replication = openReplication({ ...options, appName: "switchyard-dev" });
  const { source, collections } = replication;
  try {
    for (let waited = 0; waited < waitMs && !cancel.aborted; waited += AGAIN_MS) {
      // in this order: what has just been brought to Supabase may be pending there
      const sent = await isSent(replication);
      if (isThere((await source.status()).unwrapOr(null), collections) && sent) break;
      await pause(AGAIN_MS, cancel);
    }
    const copy = await readCopy(replication, options.deadlines.statisticsMs, collections);
    if (!copy) return [];
    const rows = await Promise.all(
      collections.map(async ({ name }) => [name, await countOf(sql, name), String(copy.collections[name] ?? "?")]),
    );
    return [...table(["", "supabase", "mongodb"], rows).split("\n"), copyWords(copy.status)];
  } finally {
    await replication.close();
  }
}

async function isSent({ copy }: OpenReplication): Promise<boolean> {
  const unsent = copy ? (await copy.unsent()).unwrapOr(null) : [];
  return unsent?.every(({ pending, dead }) => pending + dead === 0) ?? false;
}

const isThere = (status: ReplicationStatus | null, collections: readonly Collection[]): boolean =>
  status?.is_on === true &&
  status.pending === 0 &&
  collections.every(({ name }) => status.collections.find(({ collection }) => collection === name)?.backfill?.done_at);

async function countOf(sql: RunningSupabase["sql"], name: Collection["name"]): Promise<string> {
  // the name is a definition's: small letters, digits and _
  const [row] = await sql<{ count: number }>(`select count(*)::int as count from public."${name}"`);
  return String(row?.count ?? "?");
}
