/** Selections and keysets as MongoDB filters. Every one begins with the owner, and so does every index. */

import type { Document } from "mongodb";
import type { Keyset } from "../contract/cursor.ts";
import { type Filter, idsIn, type Sort } from "../contract/query.ts";
import { type Collection, fieldOf } from "../definition/define.ts";
import type { Selected } from "../repository/store.ts";
import { toStored } from "./documents.ts";
import { keysOf } from "./keys.ts";

/** The path of a field in the document. */
export const pathOf = (collection: Collection, name: string): string =>
  name === "id" ? keysOf(collection).idPath : name;

export function selectionFilter(
  collection: Collection,
  owners: string | readonly string[],
  { filters, search }: Selected,
): Document {
  const living = keysOf(collection).living(owners);
  const conditions: Document[] = filters.map((filter) => condition(collection, filter));
  if (search !== undefined) {
    const contains = { $regex: escapeRegex(search) };
    conditions.push({ $or: collection.search.map((field) => ({ [`_folded.${field}`]: contains })) });
  }
  return conditions.length === 0 ? living : { ...living, $and: conditions };
}

function condition(collection: Collection, filter: Filter): Document {
  const { field, operator, value } = filter;
  const path = pathOf(collection, field);
  if (operator === "null") return { [path]: value === true ? null : { $ne: null } };
  // a list equals each value that it holds
  if (operator === "has") return { [path]: { $eq: value } };
  const stored = (given: unknown) => toStored(fieldOf(collection, field)?.kind ?? "text", given);
  return { [path]: { [`$${operator}`]: operator === "in" ? idsIn(filter).map(stored) : stored(value) } };
}

/**
 * What comes after a row in that order. Written `a <= x and (a < x or the rest)`, of which an index reads the first part
 * as a range. Nulls come first ascending and last descending, as MongoDB sorts them.
 */
export function afterFilter(
  collection: Collection,
  [sort, ...order]: readonly Sort[],
  [key, ...keys]: Keyset,
): Document {
  if (!sort || key === undefined) return NOTHING;
  const path = pathOf(collection, sort.field);
  const ascending = sort.direction === "asc";
  const rest = order.length > 0 ? afterFilter(collection, order, keys) : undefined;
  if (key === null) {
    const valued = { [path]: { $ne: null } };
    if (!rest) return ascending ? valued : NOTHING;
    const tied = { [path]: null, ...rest };
    return ascending ? { $or: [tied, valued] } : tied;
  }
  const value = toStored(fieldOf(collection, sort.field)?.kind ?? "text", key);
  const beyond = { [path]: { [ascending ? "$gt" : "$lt"]: value } };
  const keyset = rest ? { [path]: { [ascending ? "$gte" : "$lte"]: value }, $or: [beyond, rest] } : beyond;
  const nullsFollow = !ascending && !fieldOf(collection, sort.field)?.required;
  return nullsFollow ? { $or: [keyset, { [path]: null }] } : keyset;
}

const NOTHING: Document = { _id: { $in: [] } };

export const sortOf = (collection: Collection, order: readonly Sort[]): Record<string, 1 | -1> =>
  Object.fromEntries(
    order.map(({ field, direction }) => [pathOf(collection, field), direction === "asc" ? 1 : -1] as const),
  );

const escapeRegex = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
