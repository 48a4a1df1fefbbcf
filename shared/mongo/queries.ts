/** Selections and keysets as MongoDB filters. Every one begins with the owner, and so does every index. */

import { type Document, UUID } from "mongodb";
import type { Keyset } from "../contract/cursor.ts";
import type { Sort } from "../contract/query.ts";
import { type Collection, fieldOf } from "../definition/define.ts";
import type { Selected } from "../repository/store.ts";
import { toStored } from "./documents.ts";
import { keysOf } from "./keys.ts";

/** The path of a field in the document. */
export const pathOf = (collection: Collection, name: string): string =>
  name === "id" ? keysOf(collection).idPath : name;

export function selectionFilter(collection: Collection, ownerId: string, { filters, search }: Selected): Document {
  const living = keysOf(collection).living(ownerId);
  const conditions: Document[] = filters.map(({ field, operator, value }) => ({
    [pathOf(collection, field)]: { [`$${operator}`]: toStored(fieldOf(collection, field)?.kind ?? "text", value) },
  }));
  if (search !== undefined) {
    const contains = { $regex: escapeRegex(search) };
    conditions.push({ $or: collection.search.map((field) => ({ [`_folded.${field}`]: contains })) });
  }
  return conditions.length === 0 ? living : { ...living, $and: conditions };
}

/**
 * What comes after a row in sort order. Written `a <= x and (a < x or id < y)`, of which an index reads the first part as
 * a range. Nulls come first ascending and last descending, as MongoDB sorts them.
 */
export function afterFilter(collection: Collection, { field, direction }: Sort, { key, id }: Keyset): Document {
  const { idPath } = keysOf(collection);
  const path = pathOf(collection, field);
  const ascending = direction === "asc";
  const beyond = ascending ? "$gt" : "$lt";
  const later = { [idPath]: { [beyond]: new UUID(id) } };
  if (path === idPath) return later;
  if (key === null)
    return ascending ? { $or: [{ [path]: null, ...later }, { [path]: { $ne: null } }] } : { [path]: null, ...later };
  const value = toStored(fieldOf(collection, field)?.kind ?? "text", key);
  const keyset = {
    [path]: { [ascending ? "$gte" : "$lte"]: value },
    $or: [{ [path]: { [beyond]: value } }, later],
  };
  const nullsFollow = !ascending && !fieldOf(collection, field)?.required;
  return nullsFollow ? { $or: [keyset, { [path]: null }] } : keyset;
}

/** Ties are broken by id, in the same direction: one index serves both directions. */
export function sortOf(collection: Collection, { field, direction }: Sort): Record<string, 1 | -1> {
  const way = direction === "asc" ? 1 : -1;
  return { [pathOf(collection, field)]: way, [keysOf(collection).idPath]: way };
}

const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
