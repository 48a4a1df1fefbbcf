/**
 * Both sides of what is copied, for the first start: it waits a little until both have everything. On a slow machine MongoDB
 * may have taken messages for Supabase, which are brought there afterwards.
 */
import { type Collection, isTwoWay } from "../../shared/definition/define.ts";
import {
  type OpenReplication,
  type OpenReplicationOptions,
  openReplication,
} from "../../shared/operations/open-replication.ts";
import { readCopy } from "../../shared/operations/read-copy.ts";
import { databaseOf } from "../../shared/replication/mongo-side.ts";
import type { ReplicationStatus } from "../../shared/replication/source.ts";
import { isDirty } from "../../shared/replication/unsent.ts";
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

async function isSent({ copy, collections }: OpenReplication): Promise<boolean> {
  if (!copy) return true;
  const dirty = collections
    .filter(isTwoWay)
    .map((each) => isDirty(databaseOf(copy.mongo, each).collection(each.name)).catch(() => true));
  return !(await Promise.all(dirty)).includes(true);
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
