/** What has changed since both homes were last compared record by record, found by its versions and not by looking at all. */
import type { Collection } from "../definition/define.ts";
import type { ManifestEntry } from "../repository/home-copy.ts";
import { type Copied, type Copying, copyDifferences } from "./copying.ts";
import { type Difference, isAhead, isSame, type Sides, sizeOf } from "./manifests.ts";
import { compareBatch } from "./verifying.ts";

/** Looked at again: what commits late carries an older version, and so does what an instance with a slow clock writes. */
const OVERLAP_MICROSECONDS = 60_000_000;
/** Of one collection. */
const MANY = 5_000;

/** By collection, the newest version that the last comparison has seen for certain. */
export type Since = ReadonlyMap<Collection, number>;

/**
 * What is not yet at the target of what the source has had since. It may miss what was written with a version that is older
 * still: whether both are the same then is for their digests to say. Undefined: it is too much.
 */
async function changedSince(
  { source, target }: Sides,
  userId: string,
  since: Since,
): Promise<Difference[] | undefined> {
  const from = new Map(
    [...since].map(([collection, version]) => [collection, Math.max(0, version - OVERLAP_MICROSECONDS)]),
  );
  const changes = (from: Since) =>
    Promise.all([source.changes(userId, from, MANY), target.changes(userId, from, MANY)]);
  let [here, there] = await changes(from);
  const isFull = ({ name }: Collection) => [here, there].some((found) => (found.get(name) ?? []).length === MANY);
  // so many in the last minute before that: it is not looked at again, or who once wrote so fast could never move
  const full = [...since.keys()].filter(isFull);
  if (full.length > 0) {
    for (const collection of full) from.set(collection, since.get(collection) ?? 0);
    [here, there] = await changes(from);
  }
  const differences: Difference[] = [];
  for (const collection of since.keys()) {
    const [entries, others] = [here.get(collection.name) ?? [], there.get(collection.name) ?? []];
    if (isFull(collection)) return undefined;
    const known = new Map<string, ManifestEntry>(others.map((entry) => [entry.id, entry]));
    const pairs = entries.map((entry) => ({ id: entry.id, source: entry, target: known.get(entry.id) }));
    const changed = pairs.filter((pair) => !isSame(pair));
    const ids = (isDeleted: boolean) => changed.flatMap(({ id, source }) => (source.isDeleted === isDeleted ? id : []));
    const ahead = changed.flatMap((pair) => (pair.target && isAhead(pair) ? pair.target : []));
    const difference: Difference = { collection, living: ids(false), deleted: ids(true), gone: [], ahead };
    if (changed.length > 0) differences.push(difference);
  }
  return differences;
}

/** Copies and compares it, unless it is more than `limit`; how much was found. Undefined: too much. `look` may throw before. */
export async function catchUp(
  copying: Copying,
  since: Since,
  limit: number,
  look: (differences: readonly Difference[]) => void,
): Promise<(Copied & { found: number }) | undefined> {
  const differences = await changedSince(copying, copying.userId, since);
  const found = sizeOf(differences ?? []);
  if (!differences || found > limit) return undefined;
  look(differences);
  return { ...(await copyAndCompare(copying, differences)), found };
}

/** What was refused is not compared. */
export async function copyAndCompare(copying: Copying, differences: readonly Difference[]): Promise<Copied> {
  const done = await copyDifferences(copying, differences);
  for (const { collection, living, deleted } of differences)
    if (living.length + deleted.length > 0) await compareBatch(copying, collection, [...living, ...deleted]);
  return done;
}
