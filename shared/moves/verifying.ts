/** Whether both homes have the same of a user: through both adapters, and by what each database counts itself. */
import { isDeepStrictEqual } from "node:util";
import type { Collection } from "../definition/define.ts";
import type { Digest } from "../repository/home-copy.ts";
import { BATCH, type Copying } from "./copying.ts";
import { isSame, pairsOf } from "./manifests.ts";

/** What differs, in words for the operator. */
class Differs extends Error {
  override readonly name = "Differs";
}

/**
 * Every record that both have in one version, read back from both and compared. A version has one content, so what is found
 * equal here is equal later as long as its version is. Throws `Differs`.
 */
export async function compareContents(copying: Copying, collections: readonly Collection[]): Promise<void> {
  for (const collection of collections) {
    let batch: string[] = [];
    for await (const pair of pairsOf(copying, copying.userId, collection)) {
      if (!isSame(pair)) continue;
      batch.push(pair.id);
      if (batch.length < BATCH) continue;
      await compareBatch(copying, collection, batch);
      batch = [];
    }
    if (batch.length > 0) await compareBatch(copying, collection, batch);
  }
}

/** These of one collection; what has another version by now is looked at by the next pass. */
export async function compareBatch(
  { source, target, userId, alive }: Copying,
  collection: Collection,
  ids: readonly string[],
): Promise<void> {
  await alive();
  const [one, other] = await Promise.all([source.read(userId, collection, ids), target.read(userId, collection, ids)]);
  const known = new Map([
    ...one.rows.map((row): [string, unknown] => [`${row.record.id} ${row.record.version}`, row]),
    ...one.tombstones.map((row): [string, unknown] => [`${row.id} ${row.version}`, row]),
  ]);
  for (const row of [...other.rows, ...other.tombstones]) {
    const { id, version } = "record" in row ? row.record : row;
    const same = known.get(`${id} ${version}`);
    if (same !== undefined && !isDeepStrictEqual(same, row))
      throw new Differs(`${collection.name} ${id} differs in version ${version}: ${fieldsThatDiffer(same, row)}`);
  }
}

/** Names only: values are the user's. */
function fieldsThatDiffer(one: unknown, other: unknown): string {
  const flat = (row: unknown): Record<string, unknown> => {
    const { record, ...rest } = row as { record?: Record<string, unknown> };
    return { ...rest, ...record };
  };
  const [here, there] = [flat(one), flat(other)];
  const names = [...new Set([...Object.keys(here), ...Object.keys(there)])];
  return names.filter((name) => !isDeepStrictEqual(here[name], there[name])).join(", ");
}

/**
 * Both, while nobody writes: equal digests, that is counts, sums and versions as each database adds them up itself. By
 * collection, what both have; undefined: they differ.
 */
export async function compareSealed(
  { source, target, userId, alive }: Copying,
  collections: readonly Collection[],
): Promise<Record<string, Digest> | undefined> {
  await alive();
  const [one, other] = await Promise.all([source.digests(userId, collections), target.digests(userId, collections)]);
  return isDeepStrictEqual(one, other) ? one : undefined;
}

/** Throws `Differs` with what is not the same in both, whose digests are not equal. */
export async function nameDifference(copying: Copying, collections: readonly Collection[]): Promise<never> {
  const { source, target, userId } = copying;
  for (const collection of collections) {
    const { name } = collection;
    for await (const pair of pairsOf(copying, userId, collection))
      if (!isSame(pair)) throw new Differs(`${name} ${pair.id} ${howItDiffers(pair.source, pair.target)}`);
    const [one, other] = await Promise.all([source.measure(userId, collection), target.measure(userId, collection)]);
    if (!isDeepStrictEqual(one, other))
      throw new Differs(`${name}: the databases count ${JSON.stringify(one)} and ${JSON.stringify(other)}`);
  }
  throw new Differs("both homes have the same records, and add their versions up differently");
}

function howItDiffers(source: unknown, target: unknown): string {
  if (!source) return "is in the new home only";
  return target ? "has another version in the new home" : "is not in the new home";
}
