/** What an incremental backup goes on from, and when it may not. */
import { err, ok, type Result } from "neverthrow";
import type { Manifest, Newest } from "./manifest.ts";
import type { BackupStorage } from "./storage.ts";
import { listBackups, readManifest } from "./verify.ts";

/**
 * What is left of deleted records is kept for seven days: a chain that is older than its tombstones has records that are deleted.
 * The rest is for making the backup itself, and for clocks.
 */
const CHAIN_HOURS = 7 * 24 - 12;

/** From the full backup to this one; why that is impossible. */
export async function chainOf(storage: BackupStorage, id: string): Promise<Result<Manifest[], string>> {
  const chain: Manifest[] = [];
  for (let next: string | null = id; next !== null; ) {
    const read: Result<Manifest, string> = await readManifest(storage, next);
    if (read.isErr()) return err(next === id ? read.error : `the chain is broken: ${id} goes on from ${read.error}`);
    if (chain.some((one) => one.id === next)) return err(`the chain is broken: ${id} goes on from itself`);
    chain.unshift(read.value);
    next = read.value.parent;
  }
  return chain[0]?.kind === "full" ? ok(chain) : err(`the chain is broken: ${id} does not begin with a full backup`);
}

export interface Parent {
  manifest: Manifest;
  /** of each database, what is there unless it was set back */
  newest: ReadonlyMap<string, Newest>;
}

/** The newest finished backup of everything, as something to go on from; or why a full one has to be made. */
export async function parentIn(
  storage: BackupStorage,
  { schemaHash, revision, now }: { schemaHash: string; revision: number; now: Date },
): Promise<Result<Parent, string>> {
  const finished = [...(await listBackups(storage)).values()].filter((one) => one !== null && one.only === null);
  const last = finished.at(-1);
  if (!last)
    return err("There is no backup of everything in this place to go on from. Make one: backup create --full.");
  const chain = await chainOf(storage, last.id);
  if (chain.isErr()) return err(`${chain.error}. Make a full one: backup create --full.`);
  const [root] = chain.value;
  const hours = (now.getTime() - Date.parse(root?.began_at ?? "")) / 3_600_000;
  if (!(hours < CHAIN_HOURS))
    return err(
      `${last.id} goes back to a full backup of ${root?.began_at}, and what is left of deleted records is kept for 7 days only: deletions would be missing. Make a full one: backup create --full.`,
    );
  if (last.schema_hash !== schemaHash || last.schema_revision !== revision)
    return err(`${last.id} is of another schema. Make a full one: backup create --full.`);
  const newest = new Map(
    chain.value.flatMap(({ databases }) =>
      databases.flatMap((one) => (one.newest ? [[one.name, one.newest] as const] : [])),
    ),
  );
  return ok({ manifest: last, newest });
}
