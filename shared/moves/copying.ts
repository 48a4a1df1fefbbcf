/** Brings the target of a move to what the source has. */
import type { HomeCopy } from "../repository/home-copy.ts";
import { type Difference, type Sides, sizeOf } from "./manifests.ts";

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
  const run = async (difference: Difference) => {
    await copying.alive();
    try {
      await copyOne(copying, difference);
      done.copied += sizeOf([difference]);
    } catch (error) {
      done.refused.push(error);
    }
  };
  for (const difference of [...differences].reverse())
    for (const deleted of slices(difference.deleted)) await run({ ...difference, deleted, living: [], gone: [] });
  for (const difference of [...differences].reverse())
    for (const gone of slices(difference.gone)) await run({ ...difference, gone, living: [], deleted: [] });
  for (const difference of differences)
    for (const living of slices(difference.living)) await run({ ...difference, living, deleted: [], gone: [] });
  return done;
}

/** One batch: as the source has it when it is read, which may be newer than what was compared. */
async function copyOne({ source, target, userId, turn }: Copying, { collection, living, deleted, gone }: Difference) {
  const read = await readAll(source, userId, { collection, living, deleted, gone });
  await target.write(userId, turn, collection, read, gone);
}

const readAll = (source: HomeCopy, userId: string, { collection, living, deleted }: Difference) =>
  living.length + deleted.length === 0
    ? Promise.resolve({ rows: [], tombstones: [] })
    : source.read(userId, collection, [...living, ...deleted]);

function slices(ids: readonly string[]): string[][] {
  const all: string[][] = [];
  for (let from = 0; from < ids.length; from += BATCH) all.push(ids.slice(from, from + BATCH));
  return all;
}
