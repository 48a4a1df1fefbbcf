/** Makes MongoDB fit the definitions: collections, validators, indexes. Safe to repeat, also by two at once. */
import { type Db, type Document, MongoServerError } from "mongodb";
import type { Collection } from "../collections/define.ts";
import { type Index, indexesOf } from "./indexes.ts";
import { validatorOf } from "./validator.ts";

export interface Prepared {
  collection: string;
  created: boolean;
  validatorChanged: boolean;
  /** names of the indexes that were made */
  indexes: string[];
}

const NAMESPACE_EXISTS = 48;

/** Driver errors are thrown: this is an operator's command. Nothing is ever dropped but an index whose definition changed. */
export async function prepareMongo(db: Db, collections: readonly Collection[]): Promise<Prepared[]> {
  const present = new Map<string, Document>();
  for (const info of await db.listCollections().toArray()) present.set(info.name, info);
  const done: Prepared[] = [];
  for (const collection of collections)
    done.push(await prepareCollection(db, collection, present.get(collection.name)));
  return done;
}

async function prepareCollection(db: Db, collection: Collection, info: Document | undefined): Promise<Prepared> {
  const { name } = collection;
  const validation = { validator: validatorOf(collection), validationLevel: "strict", validationAction: "error" };
  const created = info === undefined && (await create(db, name, validation));
  const { validator, validationLevel = "strict", validationAction = "error" } = info?.options ?? {};
  const validatorChanged = !created && !sameJson({ validator, validationLevel, validationAction }, validation);
  if (validatorChanged) await db.command({ collMod: name, ...validation });
  return { collection: name, created, validatorChanged, indexes: await createIndexes(db, name, indexesOf(collection)) };
}

/** False when somebody else was faster. */
async function create(db: Db, name: string, validation: Document): Promise<boolean> {
  try {
    await db.createCollection(name, validation);
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_EXISTS) return false;
    throw error;
  }
}

async function createIndexes(db: Db, name: string, wanted: readonly Index[]): Promise<string[]> {
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
