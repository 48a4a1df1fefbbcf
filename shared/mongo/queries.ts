/** Selections and keysets as MongoDB filters. Every one begins with the owner, and so does every index. */
import { type Document, UUID } from "mongodb";
import type { Keyset } from "../contract/cursor.ts";
import type { Selection, Sort } from "../contract/query.ts";
import { type Collection, fieldOf } from "../definition/define.ts";
import { fold } from "../values/text.ts";
import { pathOf, toStored } from "./documents.ts";

/** The living documents of an owner. A tombstone has the field, nothing else does, and null matches what is not there. */
export const livingOf = (userId: string): Document => ({ "_id.user_id": new UUID(userId), _deleted_at: null });

export function selectionFilter(collection: Collection, userId: string, { filters, q }: Selection): Document {
  const conditions = filters.map(({ field, operator, value }) => ({
    [pathOf(field)]: { [`$${operator}`]: toStored(fieldOf(collection, field)?.kind ?? "text", value) },
  }));
  if (q) conditions.push({ search_text: { $regex: escapeRegex(fold(q)) } });
  return conditions.length === 0 ? livingOf(userId) : { ...livingOf(userId), $and: conditions };
}

/**
 * What comes after a row in sort order. Written `a <= x and (a < x or id < y)`, of which an index reads the first part as
 * a range. Nulls come first ascending and last descending, as MongoDB sorts them.
 */
export function afterFilter(collection: Collection, { field, direction }: Sort, { key, id }: Keyset): Document {
  const path = pathOf(field);
  const ascending = direction === "asc";
  const beyond = ascending ? "$gt" : "$lt";
  const later = { "_id.id": { [beyond]: new UUID(id) } };
  if (path === "_id.id") return later;
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
export function sortOf({ field, direction }: Sort): Record<string, 1 | -1> {
  const way = direction === "asc" ? 1 : -1;
  return field === "id" ? { "_id.id": way } : { [pathOf(field)]: way, "_id.id": way };
}

const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
