/**
 * Makes MongoDB fit the definitions: collections, validators, indexes; and records that earlier versions have left half
 * written. Safe to repeat, also by two at once.
 */
import { type Db, type Document, MongoServerError } from "mongodb";
import { type Collection, isTwoWay } from "../definition/define.ts";
import type { Self } from "../repository/database.ts";
import { createCollection } from "./create-collection.ts";
import { foldAgain } from "./earlier-folding.ts";
import { isOfMarkers, mendEarlierMarkers } from "./earlier-markers.ts";
import { type Index, indexesOf, replicaIndexesOf } from "./indexes.ts";
import { liveName, prepareLiveView } from "./live-view.ts";
import { replicaValidatorOf } from "./replica-validator.ts";
import { isFoldedEarlier, isPresent, refuseOther, writeSelf } from "./self.ts";
import { validatorOf } from "./validator.ts";

export interface Prepared {
  collection: string;
  created: boolean;
  validatorChanged: boolean;
  /** names of the indexes that were made */
  indexes: string[];
}

/** What a collection is made of. */
export interface Shape {
  validatorOf(collection: Collection): Document;
  indexesOf(collection: Collection): Index[];
  /** whether people are given a view of what lives */
  hasLiveView(collection: Collection): boolean;
}
const HOME: Shape = { validatorOf, indexesOf, hasLiveView: isTwoWay };
/** Copies: the primary decides what is valid and unique, and tombstones go once both sides have them. */
export const REPLICA: Shape = { validatorOf: replicaValidatorOf, indexesOf: replicaIndexesOf, hasLiveView: () => true };

const ILLEGAL_OPERATION = 20;
const INDEX_NOT_FOUND = 27;

/** The server does no transactions, on which references rest. */
export class NotAReplicaSet extends Error {
  override name = "NotAReplicaSet";
  constructor(cause: unknown) {
    super(
      "This MongoDB server is a standalone, which does no transactions. Make it a replica set of one: start it with " +
        "`mongod --replSet rs0`, and run `rs.initiate()` in mongosh once.",
      { cause },
    );
  }
}

/**
 * Driver errors are thrown, and `NotAReplicaSet` and `OtherDatabase`: this is an operator's command. Nothing is ever
 * dropped but an index whose definition changed, or that no definition asks for any more. Who the database is, is
 * written last: until then nothing is written to it.
 */
export async function prepareMongo(
  db: Db,
  collections: readonly Collection[],
  self: Self,
  shape: Shape = HOME,
): Promise<Prepared[]> {
  await refuseStandalone(db);
  const known = await refuseOther(db, self);
  const present = new Map<string, Document>();
  for (const info of await db.listCollections().toArray()) present.set(info.name, info);
  const there = collections.filter(({ name }) => present.has(name));
  // while the validators are those under which the records were written
  await mendAll(db, there, self.site);
  if (isFoldedEarlier(known)) await foldAgain(db, there);
  const done: Prepared[] = [];
  for (const collection of collections)
    done.push(await prepareCollection(db, collection, present.get(collection.name), shape));
  for (const { name } of collections.filter(shape.hasLiveView))
    await prepareLiveView(db, name, present.get(liveName(name)));
  if (!isPresent(known)) await writeSelf(db, self);
  return done;
}

/** Throws `NotAReplicaSet`. Tried, because `hello` does not tell: DocumentDB answers as a standalone, and does transactions. */
export async function refuseStandalone(db: Db): Promise<void> {
  const session = db.client.startSession();
  try {
    session.startTransaction();
    // a read: the driver takes the code from the error when a write meets it
    await db.collection("switchyard").findOne({}, { session });
  } catch (error) {
    throw error instanceof MongoServerError && error.code === ILLEGAL_OPERATION ? new NotAReplicaSet(error) : error;
  } finally {
    await session.endSession();
  }
}

async function mendAll(db: Db, collections: readonly Collection[], site: number): Promise<void> {
  const old: [collection: string, index: string][] = [];
  for (const { name } of collections)
    for (const index of await db.collection(name).listIndexes().toArray())
      if (isOfMarkers(index.name)) old.push([name, index.name]);
  if (old.length === 0) return;
  await mendEarlierMarkers(db, collections, site);
  for (const [collection, index] of old)
    await db
      .collection(collection)
      .dropIndex(index)
      .catch((error) => {
        // another was faster
        if (!(error instanceof MongoServerError && error.code === INDEX_NOT_FOUND)) throw error;
      });
}

async function prepareCollection(
  db: Db,
  collection: Collection,
  info: Document | undefined,
  shape: Shape,
): Promise<Prepared> {
  const { name } = collection;
  const validation = validationOf(collection, shape);
  const created = info === undefined && (await createCollection(db, name, validation));
  const validatorChanged = !created && !isValidatedSo(info, validation);
  if (validatorChanged) await db.command({ collMod: name, ...validation });
  return {
    collection: name,
    created,
    validatorChanged,
    indexes: await createIndexes(db, name, shape.indexesOf(collection)),
  };
}

const validationOf = (collection: Collection, shape: Shape) => ({
  validator: shape.validatorOf(collection),
  validationLevel: "strict",
  validationAction: "error",
});

function isValidatedSo(info: Document | undefined, wanted: Document): boolean {
  const { validator, validationLevel = "strict", validationAction = "error" } = info?.options ?? {};
  return sameJson({ validator, validationLevel, validationAction }, wanted);
}

/** What `prepareMongo` would make or change, in words; nothing is written. Driver errors are thrown. */
export async function unpreparedIn(db: Db, collections: readonly Collection[], shape: Shape = HOME): Promise<string[]> {
  const present = new Map<string, Document>();
  for (const info of await db.listCollections().toArray()) present.set(info.name, info);
  const faults: string[] = [];
  for (const collection of collections) {
    const { name } = collection;
    const info = present.get(name);
    if (!info) {
      faults.push(`${name} is not there`);
      continue;
    }
    if (!isValidatedSo(info, validationOf(collection, shape))) faults.push(`${name} has another validator`);
    const indexes = new Map((await db.collection(name).listIndexes().toArray()).map((index) => [index.name, index]));
    for (const wanted of shape.indexesOf(collection)) {
      const found = indexes.get(wanted.name);
      if (!found) faults.push(`${name} lacks the index ${wanted.name}`);
      else if (!isSame(found, wanted)) faults.push(`${name} has another index ${wanted.name}`);
    }
  }
  return faults;
}

/** Makes those that are missing, or were made otherwise, of a collection that is there; the names of those made. */
export async function createIndexes(db: Db, name: string, wanted: readonly Index[]): Promise<string[]> {
  const collection = db.collection(name);
  const present = new Map((await collection.listIndexes().toArray()).map((index) => [index.name as string, index]));
  const made: string[] = [];
  for (const index of wanted) {
    const before = present.get(index.name);
    if (before && isSame(before, index)) continue;
    if (before) await collection.dropIndex(index.name);
    made.push(...(await collection.createIndexes([index])));
  }
  return made;
}

/** Compared are the parts that the definition decides. */
function isSame(present: Document, wanted: Index): boolean {
  return (
    JSON.stringify(Object.entries(present.key)) === JSON.stringify(Object.entries(wanted.key)) &&
    Boolean(present.unique) === Boolean(wanted.unique) &&
    (present.expireAfterSeconds ?? null) === (wanted.expireAfterSeconds ?? null) &&
    sameJson(present.partialFilterExpression ?? null, wanted.partialFilterExpression ?? null)
  );
}

const sameJson = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);
