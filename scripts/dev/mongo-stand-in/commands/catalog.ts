import { Double, Int32 } from "bson";
import type { Collection } from "../collection.ts";
import { MongoError, notImplemented } from "../errors.ts";
import { existing, parseIndex } from "../indexes.ts";
import { compileQuery } from "../matcher.ts";
import { type Doc, equal, isDoc, keyOf } from "../values/compare.ts";
import { integer } from "../values/numbers.ts";
import { type Command, type Context, docOf, found, foundOrCreated, listOf, numberOf, target } from "./context.ts";
import { checkView, isView } from "./views.ts";

const OPTIONS = ["validator", "validationLevel", "validationAction", "viewOn", "pipeline"];
/** What accompanies any command. */
const GENERIC = [
  "lsid",
  "$db",
  "$readPreference",
  "$clusterTime",
  "writeConcern",
  "readConcern",
  "comment",
  "maxTimeMS",
  "apiVersion",
];

function required(context: Context): Collection {
  const collection = found(context);
  if (!collection) throw new MongoError(26, `ns does not exist: ${context.db}.${target(context)}`);
  return collection;
}

function options(context: Context): Doc {
  const given: Doc = {};
  for (const [name, value] of Object.entries(context.command)) {
    if (name === context.name || GENERIC.includes(name) || name === "index") continue;
    if (!OPTIONS.includes(name)) throw notImplemented(`The collection option ${name}`);
    given[name] = value;
  }
  if (given.validator !== undefined) compileQuery(given.validator);
  checkView(given);
  return given;
}

const create: Command = (context) => {
  const given = options(context);
  const collection = found(context);
  if (!collection) context.engine.create(context.db, target(context), given);
  else if (keyOf(collection.options) !== keyOf(given)) {
    throw new MongoError(48, `Collection ${collection.namespace} already exists.`);
  }
  return {};
};

const collMod: Command = (context) => {
  const collection = required(context);
  context.engine.refuseWhileWritten([collection]);
  collection.options = { ...collection.options, ...options(context) };
  const { index } = context.command;
  if (isDoc(index)) {
    const known = collection.indexes.find(
      ({ spec }) => spec.name === index.name || (isDoc(index.keyPattern) && equal(spec.key, index.keyPattern)),
    );
    if (!known) throw new MongoError(27, "cannot find index for ns");
    collection.dropIndexes([known.spec.name]);
    collection.createIndex({ ...known.spec, expireAfterSeconds: index.expireAfterSeconds });
  }
  collection.define();
  return {};
};

const drop: Command = (context) => {
  const collection = found(context);
  if (!collection) return {};
  context.engine.refuseWhileWritten([collection]);
  context.engine.drop(collection);
  return { nIndexesWas: integer(collection.indexes.length), ns: collection.namespace };
};

const dropDatabase: Command = (context) => {
  const collections = context.engine.collections(context.db);
  context.engine.refuseWhileWritten(collections);
  for (const collection of collections) context.engine.drop(collection);
  return { dropped: context.db };
};

const createIndexes: Command = (context) => {
  const specs = listOf(context.command.indexes, "indexes").map(parseIndex);
  const createdCollectionAutomatically = found(context) === undefined;
  const collection = foundOrCreated(context);
  context.engine.refuseWhileWritten([collection]);
  const before = collection.indexes.length;
  for (const spec of specs) if (!existing(collection.indexes, spec)) collection.createIndex(spec);
  const after = collection.indexes.length;
  return {
    numIndexesBefore: integer(before),
    numIndexesAfter: integer(after),
    createdCollectionAutomatically,
    ...(before === after ? { note: "all indexes already exist" } : {}),
  };
};

const dropIndexes: Command = (context) => {
  const collection = required(context);
  context.engine.refuseWhileWritten([collection]);
  const wanted = context.command.index;
  const nIndexesWas = integer(collection.indexes.length);
  const named = collection.indexes
    .map(({ spec }) => spec)
    .filter(({ name, key }) =>
      wanted === "*"
        ? name !== "_id_"
        : isDoc(wanted)
          ? equal(key, wanted)
          : Array.isArray(wanted)
            ? wanted.includes(name)
            : name === wanted,
    );
  if (named.some(({ name }) => name === "_id_")) throw new MongoError(72, "cannot drop _id index");
  if (named.length === 0 && wanted !== "*") throw new MongoError(27, `index not found with name [${String(wanted)}]`);
  collection.dropIndexes(named.map(({ name }) => name));
  return { nIndexesWas };
};

const listIndexes: Command = (context) => {
  const collection = required(context);
  const specs = collection.indexes.map(({ spec }) => spec);
  return context.cursors.first(
    collection.namespace,
    specs,
    numberOf(docOf(context.command.cursor, "cursor").batchSize, 101),
  );
};

const listCollections: Command = (context) => {
  const matches = compileQuery(docOf(context.command.filter, "filter"));
  const nameOnly = context.command.nameOnly === true;
  const docs = context.engine
    .collections(context.db)
    .map(
      (collection): Doc => ({
        name: collection.name,
        type: isView(collection) ? "view" : "collection",
        options: collection.options,
        info: { readOnly: isView(collection) },
        ...(!isView(collection) && { idIndex: collection.indexes[0]?.spec }),
      }),
    )
    .filter(matches)
    .map((doc) => (nameOnly ? { name: doc.name, type: doc.type } : doc));
  return context.cursors.first(
    `${context.db}.$cmd.listCollections`,
    docs,
    numberOf(docOf(context.command.cursor, "cursor").batchSize, 101),
  );
};

const listDatabases: Command = (context) => {
  const sizes = new Map<string, number>();
  for (const { db, bytes } of context.engine.collections()) sizes.set(db, (sizes.get(db) ?? 0) + bytes);
  const matches = compileQuery(docOf(context.command.filter, "filter"));
  const databases = [...sizes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, bytes]): Doc => ({ name, sizeOnDisk: new Double(bytes), empty: false }))
    .filter(matches)
    .map((database) => (context.command.nameOnly === true ? { name: database.name } : database));
  return { databases, totalSize: new Double([...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)) };
};

function sizes(collections: readonly Collection[]): Doc {
  const objects = collections.reduce((sum, { size }) => sum + size, 0);
  const bytes = collections.reduce((sum, collection) => sum + collection.bytes, 0);
  return {
    dataSize: new Double(bytes),
    storageSize: new Double(bytes),
    objects: integer(objects),
    avgObjSize: new Double(objects === 0 ? 0 : bytes / objects),
  };
}

const dbStats: Command = (context) => {
  const all = context.engine.collections(context.db);
  const collections = all.filter((collection) => !isView(collection));
  const indexes = collections.reduce((sum, collection) => sum + collection.indexes.length, 0);
  return {
    db: context.db,
    collections: integer(collections.length),
    views: new Int32(all.length - collections.length),
    ...sizes(collections),
    indexes: integer(indexes),
    indexSize: new Double(0),
    totalSize: sizes(collections).dataSize,
  };
};

const collStats: Command = (context) => {
  const collection = found(context);
  const { objects, dataSize, ...rest } = sizes(collection ? [collection] : []);
  return {
    ns: `${context.db}.${target(context)}`,
    count: objects,
    size: dataSize,
    ...rest,
    nindexes: integer(collection?.indexes.length ?? 0),
  };
};

export const catalog: Record<string, Command> = {
  create,
  collMod,
  drop,
  dropDatabase,
  createIndexes,
  dropIndexes,
  deleteIndexes: dropIndexes,
  listIndexes,
  listCollections,
  listDatabases,
  dbStats,
  collStats,
};
