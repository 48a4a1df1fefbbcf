/** Brings the target of a move to what the source has. */
import type { Collection } from "../definition/define.ts";
import type { Difference, Sides } from "./manifests.ts";

export const BATCH = 500;

export interface Copying extends Sides {
  userId: string;
  turn: number;
  /** before each batch; throws when somebody else has the move by now */
  alive: () => Promise<void>;
}

/** What a pass has done. */
export interface Copied {
  copied: number;
  /** of batches that were refused, as records that belong together change meanwhile */
  refused: unknown[];
}

/**
 * Copies these, deletions first (a unique key may be another record's by now, and a parent goes after its children), then
 * records, parents before their children. A batch that is refused is left out: the next pass sees to it.
 */
export async function copyDifferences(copying: Copying, differences: readonly Difference[]): Promise<Copied> {
  const done: Copied = { copied: 0, refused: [] };
  const childrenFirst = [...differences].reverse();
  const batches = [
    ...childrenFirst.flatMap(({ collection, deleted }) => slices(deleted).map((ids) => ({ collection, ids }))),
    ...childrenFirst.flatMap(({ collection, gone }) => slices(gone).map((ids) => ({ collection, ids, areGone: true }))),
    ...differences.flatMap(({ collection, living }) => slices(living).map((ids) => ({ collection, ids }))),
  ];
  for (const batch of batches) {
    await copying.alive();
    try {
      await copyBatch(copying, batch);
      done.copied += batch.ids.length;
    } catch (error) {
      done.refused.push(error);
    }
  }
  return done;
}

interface Batch {
  collection: Collection;
  ids: readonly string[];
  /** the source has nothing of them */
  areGone?: boolean;
}

/** As the source has it when it is read, which may be newer than what was compared. */
async function copyBatch({ source, target, userId, turn }: Copying, { collection, ids, areGone = false }: Batch) {
  if (areGone) return target.write(userId, turn, collection, { rows: [], tombstones: [] }, ids);
  await target.write(userId, turn, collection, await source.read(userId, collection, ids), []);
}

function slices(ids: readonly string[]): string[][] {
  const all: string[][] = [];
  for (let from = 0; from < ids.length; from += BATCH) all.push(ids.slice(from, from + BATCH));
  return all;
}
