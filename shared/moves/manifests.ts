/** What two homes have of one user's collection, side by side and in constant memory. */
import type { Collection } from "../definition/define.ts";
import type { HomeCopy, ManifestEntry } from "../repository/home-copy.ts";

const PAGE = 5_000;

export interface Sides {
  source: HomeCopy;
  target: HomeCopy;
}

/** One id, as each side has it. */
export interface Pair {
  id: string;
  source?: ManifestEntry | undefined;
  target?: ManifestEntry | undefined;
}

/** All that one side has, by id. */
async function* entriesOf(side: HomeCopy, userId: string, collection: Collection): AsyncGenerator<ManifestEntry> {
  for (let after: string | null = null; ; ) {
    const page: ManifestEntry[] = await side.manifest(userId, collection, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.id;
  }
}

/** Both sides by id; those that only one side has, too. (Ids are lower case, so their text sorts as both engines do.) */
export async function* pairsOf(
  { source, target }: Sides,
  userId: string,
  collection: Collection,
): AsyncGenerator<Pair> {
  const [sources, targets] = [entriesOf(source, userId, collection), entriesOf(target, userId, collection)];
  let [one, other] = await Promise.all([sources.next(), targets.next()]);
  while (!one.done || !other.done) {
    const [here, there] = [one.done ? undefined : one.value, other.done ? undefined : other.value];
    const isHere = here !== undefined && (there === undefined || here.id <= there.id);
    const isThere = there !== undefined && (here === undefined || there.id <= here.id);
    yield {
      id: (isHere ? here : there)?.id ?? "",
      source: isHere ? here : undefined,
      target: isThere ? there : undefined,
    };
    if (isHere) one = await sources.next();
    if (isThere) other = await targets.next();
  }
}

export const isSame = ({ source, target }: Pair): boolean =>
  source !== undefined && source.version === target?.version && source.isDeleted === target.isDeleted;

/** The target has what came to it after the source was copied to, or from, it. */
export const isAhead = ({ source, target }: Pair): boolean =>
  target !== undefined && (source ? target.version > source.version : !target.isDeleted);

/** What is to be done at the target so that it is as the source: ids. */
export interface Difference {
  collection: Collection;
  /** living at the source */
  living: string[];
  /** deleted at the source */
  deleted: string[];
  /** the source has nothing of them */
  gone: string[];
  /** of all these, what the target has and the source never had */
  ahead: ManifestEntry[];
}

export const sizeOf = (differences: readonly Difference[]): number =>
  differences.reduce((sum, { living, deleted, gone }) => sum + living.length + deleted.length + gone.length, 0);

/** Up to about `limit` ids of each collection that differ; of those that differ in nothing, none. */
export async function differencesOf(
  sides: Sides,
  userId: string,
  collections: readonly Collection[],
  limit: number,
): Promise<Difference[]> {
  const all = await Promise.all(
    collections.map(async (collection) => {
      const difference: Difference = { collection, living: [], deleted: [], gone: [], ahead: [] };
      for await (const pair of pairsOf(sides, userId, collection)) {
        if (isSame(pair)) continue;
        if (pair.target && isAhead(pair)) difference.ahead.push(pair.target);
        (!pair.source ? difference.gone : pair.source.isDeleted ? difference.deleted : difference.living).push(pair.id);
        if (sizeOf([difference]) >= limit) break;
      }
      return difference;
    }),
  );
  return all.filter((difference) => sizeOf([difference]) > 0);
}
