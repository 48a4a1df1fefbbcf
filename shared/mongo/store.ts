/** A store over MongoDB: each call one command, or a transaction where references are at stake. */
import type { Db } from "mongodb";
import { err, ok } from "neverthrow";
import { notFound } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import type { Store } from "../repository/store.ts";
import { deleteRecord } from "./delete.ts";
import { recordProjection, toRecord } from "./documents.ts";
import { attempt } from "./failures.ts";
import type { CallersFence } from "./fences.ts";
import { groupRecords } from "./groups.ts";
import { keysOf } from "./keys.ts";
import { ownPace, type Pace } from "./pace.ts";
import { afterFilter, selectionFilter, sortOf } from "./queries.ts";
import type { UsageGate } from "./usage.ts";
import { createWithinQuota, updateWithinQuota } from "./within-quota.ts";
import { createRecord, updateRecord } from "./writes.ts";

export interface MongoStoreOptions {
  db: Db;
  /** the caller's id */
  userId: string;
  /** the number of this database: what its versions end in */
  site: number;
  /** every collection that is kept here: a deletion looks for children in those that refer to the record's */
  all: ReadonlyMap<string, Collection>;
  /** longest time, in milliseconds, that the server may take for one operation, or for a transaction with its repetitions */
  maxTimeMs: number;
  /** milliseconds since 1970 */
  now?: () => number;
  pace?: Pace;
  /** ends what has not been sent: a write that waits for its turn, or is to be tried again */
  signal?: AbortSignal | undefined;
  /** what one user may keep; without it, anything */
  usage?: UsageGate | undefined;
  /** of a caller who is moving or has moved; it is about what is kept at home */
  fence?: CallersFence | undefined;
}

/** The caller's rows in that database. */
export function createMongoStore({ now = Date.now, pace = ownPace, ...given }: MongoStoreOptions): Store {
  const { fence, ...unfenced } = given;
  const context = { ...unfenced, now, pace };
  const { db, userId, maxTimeMs } = given;
  const fenceOf = ({ placement }: Collection) => (placement.kind === "home" ? fence : undefined);
  const writing = (collection: Collection) => ({ ...context, fence: fenceOf(collection) });
  /** What reads, once it is known that the caller is at home here. */
  const reading = <T>(collection: Collection, read: () => Answer<T>): Answer<T> =>
    attempt(async () => {
      const looked = (await fenceOf(collection)?.look()) ?? ok(undefined);
      return looked.isErr() ? err(looked.error) : read();
    });
  const options = { maxTimeMS: maxTimeMs };
  const documents = (collection: Collection) => db.collection(collection.name);
  // what is a room's, and not a user's, has no quota here, nor has what goes by itself
  const quotaOf = ({ scope, keptDays }: Collection) =>
    scope.kind === "owner" && keptDays === null ? context : { ...context, usage: undefined };

  return {
    create: (collection, id, values, idempotencyHash) =>
      attempt(() =>
        createWithinQuota(quotaOf(collection), { collection, id, values }, idempotencyHash !== undefined, () =>
          createRecord(writing(collection), collection, id, values, idempotencyHash),
        ),
      ),

    get: (collection, id) =>
      reading(collection, async () => {
        const found = await documents(collection).findOne(keysOf(collection).one(userId, id), {
          ...options,
          projection: recordProjection(collection),
        });
        return found ? ok(toRecord(collection, userId, found)) : err(notFound());
      }),

    list: (collection, { order, after, limit, owners, ...selected }) =>
      reading(collection, async () => {
        const selection = selectionFilter(collection, owners ?? userId, selected);
        const filter = after ? { $and: [selection, afterFilter(collection, order, after)] } : selection;
        const found = await documents(collection)
          // a batch that is larger than the limit saves a getMore
          .find(filter, {
            ...options,
            limit,
            batchSize: limit + 1,
            sort: sortOf(collection, order),
            projection: recordProjection(collection),
          })
          .toArray();
        return ok(found.map((document) => toRecord(collection, owners ? undefined : userId, document)));
      }),

    update: (collection, id, changes, expectedVersion) =>
      attempt(() =>
        updateWithinQuota(quotaOf(collection), { collection, id, values: changes }, () =>
          updateRecord(writing(collection), collection, id, changes, expectedVersion),
        ),
      ),

    delete: (collection, id, expectedVersion) =>
      attempt(() => deleteRecord(writing(collection), collection, id, expectedVersion)),

    count: (collection, selected) =>
      reading(collection, async () =>
        ok(await documents(collection).countDocuments(selectionFilter(collection, userId, selected), options)),
      ),

    group: (collection, grouping) => reading(collection, () => groupRecords(context, collection, grouping)),
  };
}
