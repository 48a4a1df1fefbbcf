/** How much of what was written here Postgres does not have yet (unsent.ts). */
import type { Db, Collection as Documents } from "mongodb";
import type { Collection } from "../definition/define.ts";
import type { UnsentState } from "../repository/database.ts";

/** Most that are counted of each. */
const MOST = 100_000;
export const UNSENT = { _dirty: { $exists: true }, "_dirty.dead": { $ne: true } };
export const DEAD = { _dirty: { $exists: true }, "_dirty.dead": true };

/** Of each collection; `maxTimeMs` bounds each question. Throws the driver's error. */
export const readUnsent = (
  db: Db,
  collections: readonly Collection[],
  nowMs: number,
  maxTimeMs: number,
): Promise<UnsentState[]> =>
  Promise.all(
    collections.map(async ({ name }) => ({ collection: name, ...(await read(db.collection(name), nowMs, maxTimeMs)) })),
  );

async function read(documents: Documents, nowMs: number, maxTimeMS: number): Promise<Omit<UnsentState, "collection">> {
  const options = { maxTimeMS, limit: MOST };
  const [pending, failing, dead, oldest] = await Promise.all([
    documents.countDocuments(UNSENT, options),
    documents.countDocuments({ ...UNSENT, "_dirty.attempts": { $gt: 0 } }, options),
    documents.countDocuments(DEAD, options),
    documents.findOne(UNSENT, { maxTimeMS, sort: { "_dirty.since": 1 }, projection: { "_dirty.since": 1 } }),
  ]);
  const since: Date | undefined = oldest?._dirty?.since;
  // by the clock of whoever wrote it, which may be ahead
  return { pending, failing, dead, oldest_ms: since ? Math.max(0, nowMs - since.getTime()) : null };
}
