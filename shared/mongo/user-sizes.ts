/**
 * How much each of several users keeps at home in MongoDB, for whoever plans moves. Nothing counts that as they write (a counter
 * would make every create a transaction, see usage.ts), so their documents are read, by the indexes that begin with the owner,
 * for no longer than `maxTimeMs` at once: where that is not enough, for half of the users, and in the end for a part of one
 * user's documents, which then is the least that they have.
 */
import { type Db, type Document, MongoServerError } from "mongodb";
import type { Collection } from "../definition/define.ts";
import type { Usage } from "../repository/quotas.ts";
import { uuidText } from "./documents.ts";
import { keysOf } from "./keys.ts";
import { aggregateOverAll } from "./over-all.ts";

/** Documents of one collection that are looked at where a user has too many. */
const SOME = 5_000;
const MAX_TIME_EXPIRED = 50;

/** By id; who keeps nothing is not in it. Throws the driver's error. */
export async function userSizes(
  db: Db,
  collections: readonly Collection[],
  userIds: readonly string[],
  maxTimeMS: number,
): Promise<Map<string, Usage>> {
  if (userIds.length === 0 || collections.length === 0) return new Map();
  try {
    return await measure(db, collections, userIds, { maxTimeMS });
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === MAX_TIME_EXPIRED)) throw error;
    if (userIds.length === 1) return measure(db, collections, userIds, { maxTimeMS, most: SOME });
    const half = Math.ceil(userIds.length / 2);
    const first = await userSizes(db, collections, userIds.slice(0, half), maxTimeMS);
    return new Map([...first, ...(await userSizes(db, collections, userIds.slice(half), maxTimeMS))]);
  }
}

async function measure(
  db: Db,
  collections: readonly Collection[],
  userIds: readonly string[],
  { maxTimeMS, most }: { maxTimeMS: number; most?: number },
): Promise<Map<string, Usage>> {
  const ofEach = (collection: Collection): Document[] => [
    { $match: keysOf(collection).living(userIds) },
    ...(most === undefined ? [] : [{ $limit: most }]),
    {
      $group: {
        _id: `$${keysOf(collection).ownerPath}`,
        records: { $sum: 1 },
        bytes: { $sum: { $bsonSize: "$$ROOT" } },
      },
    },
  ];
  const found = await aggregateOverAll(db, collections, ofEach, { maxTimeMS });
  const sizes = new Map<string, Usage>();
  for (const { _id, records, bytes } of found) {
    const id = uuidText(_id);
    const before = sizes.get(id) ?? { records: 0, bytes: 0 };
    sizes.set(id, { records: before.records + Number(records), bytes: before.bytes + Number(bytes) });
  }
  return sizes;
}
