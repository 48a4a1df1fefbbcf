/** The indexes that a definition asks for. Each begins with the owner, so that no call scans other users' data. */
import type { Document, IndexDescription } from "mongodb";
import { orderOf, type Sort } from "../contract/query.ts";
import { alsoReadBy, type Collection, fieldOf, isTwoWay } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import { referencesFrom } from "../definition/references.ts";
import { keysOf } from "./keys.ts";

const TOMBSTONE_SECONDS = 7 * 24 * 3_600;

const BSON_TYPES: Readonly<Record<FieldKind, string | string[]>> = {
  text: "string",
  enum: "string",
  currency: "string",
  day: "string",
  money: "decimal",
  decimal: "decimal",
  integer: "long",
  boolean: "bool",
  instant: "date",
  reference: "binData",
  tags: "array",
  // every type that json.ts writes
  json: ["object", "array", "string", "bool", "int", "long", "double", "decimal"],
};
/** The type of a field's values, or the types that they may have. */
export const bsonType = (kind: FieldKind): string | string[] => BSON_TYPES[kind];

export type Index = IndexDescription & { name: string; key: Record<string, 1> };

/** Of a copy: what is read by, and what is written in it while it is promoted, and not sent yet. */
export const replicaIndexesOf = (collection: Collection): Index[] => [...readIndexesOf(collection), DIRTY];

/** Those that lists, filters and deletions read by. */
function readIndexesOf(collection: Collection): Index[] {
  const { idPath } = keysOf(collection);
  const owned = (name: string, ...paths: string[]) => ownedIndex(collection, name, paths);
  const pathOf = ({ field }: Sort) => (field === "id" ? idPath : field);
  const references = referencesFrom(collection);
  return [
    owned("id", idPath),
    // the order of a list to its end; one index serves both directions
    ...collection.sorts.map((sort) => owned(sort, ...orderOf({ field: sort, direction: "asc" }).map(pathOf))),
    ...references.filter(({ field }) => !collection.sorts.includes(field)).map(({ field }) => owned(field, field)),
    ...alsoReadBy(collection).map((field) => ({ name: `by_${field}_idx`, key: pathsOf(field, "created_at", "_id") })),
  ];
}

/** And those by which a home keeps unique keys, and forgets tombstones. */
export function indexesOf(collection: Collection): Index[] {
  if (isTwoWay(collection)) return [...readIndexesOf(collection), ...twoWayIndexes()];
  return [
    ...readIndexesOf(collection),
    ...collection.unique.map((fields) => ({
      ...ownedIndex(collection, [...fields, "unique"].join("_"), fields),
      unique: true,
      // null equals nothing, and tombstones have no fields: neither those of the key nor what every living one has
      partialFilterExpression: Object.fromEntries(
        (fields.length > 0 ? fields : ["created_at"]).map((field): [string, Document] => [
          field,
          { $type: bsonType(fieldOf(collection, field)?.kind ?? "text") },
        ]),
      ),
    })),
    // of tombstones alone: with the living ones in it, a planner may look through everybody's for those of one owner (seen)
    {
      name: "_deleted_at_ttl",
      key: { _deleted_at: 1 },
      expireAfterSeconds: TOMBSTONE_SECONDS,
      partialFilterExpression: { _deleted_at: { $exists: true } },
    },
    ...expiryOf(collection),
  ];
}

/** By a field that no list is ordered by: a planner would take this index for it, and look through everybody's. */
const expiryOf = ({ keptDays }: Collection): Index[] =>
  keptDays === null
    ? []
    : [{ name: "updated_at_ttl", key: { updated_at: 1 }, expireAfterSeconds: keptDays * 24 * 3_600 }];

const DIRTY: Index = {
  name: "_dirty_idx",
  key: { "_dirty.due": 1 },
  partialFilterExpression: { _dirty: { $exists: true } },
};

/** What waits to be sent, and tombstones that the other side has. */
const twoWayIndexes = (): Index[] => [
  DIRTY,
  // never while it waits to be sent: without `_acknowledged_at` there is nothing to expire
  {
    name: "_acknowledged_at_ttl",
    key: { _acknowledged_at: 1 },
    expireAfterSeconds: TOMBSTONE_SECONDS,
    partialFilterExpression: { _acknowledged_at: { $exists: true } },
  },
];

const pathsOf = (...paths: string[]): Record<string, 1> => Object.fromEntries(paths.map((path) => [path, 1]));

const ownedIndex = (collection: Collection, name: string, paths: readonly string[]): Index => ({
  name: `${name}_idx`,
  key: pathsOf(keysOf(collection).ownerPath, ...paths),
});
