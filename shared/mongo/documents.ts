/**
 * Records as documents: the only place where MongoDB's types appear. Home documents have a compound `_id`, because a
 * global one would tell a stranger that an id exists. Names that begin with `_` are internal:
 *
 *   _folded       the folded text of each search field, of which `search_text` is made
 *   _touched      how often a record that refers to this one has been written (references.ts)
 *   _deleted_at   what is left is a tombstone
 */
import { type Binary, Decimal128, type Document, Long, UUID } from "mongodb";
import { type Collection, systemFields } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import { canonicalDecimal } from "../values/money.ts";
import { fold } from "../values/text.ts";

export type Row = Record<string, unknown>;

export interface HomeId {
  user_id: UUID;
  id: UUID;
}

/** The system fields that are kept under their own names; the id is part of `_id`. */
const { id: _id, ...stamps } = systemFields;

/** Keys in this order: MongoDB compares sub-documents with the order of their fields. */
export const homeId = (userId: string, id: string): HomeId => ({ user_id: new UUID(userId), id: new UUID(id) });

/** The path of a field in the document. */
export const pathOf = (name: string): string => (name === "id" ? "_id.id" : name);

/** One value as MongoDB keeps it. */
export function toStored(kind: FieldKind, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case "money":
    case "decimal":
      return Decimal128.fromString(String(value));
    case "integer":
      return Long.fromNumber(Number(value));
    case "instant":
      return new Date(String(value));
    case "reference":
      return new UUID(String(value));
    default:
      return value;
  }
}

/** One value as the API has it. */
export function fromStored(kind: FieldKind, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case "money":
    case "decimal":
      return canonicalDecimal(String(value));
    case "integer":
      return Number(value);
    case "instant":
      return (value as Date).toISOString();
    case "reference":
      return uuidText(value);
    default:
      return value;
  }
}

/** Of a UUID, or of a Binary of subtype 4, as which it comes in some places. */
export function uuidText(value: unknown): string {
  // the driver's own toString makes five texts and joins them: a third of what a page of records costs
  const hex = (value as Binary).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The stored form of the fields given. */
export function toFields(collection: Collection, values: Row): Document {
  const fields: Document = {};
  for (const [name, value] of Object.entries(values)) {
    const kind = collection.fields[name]?.kind;
    if (kind && value !== undefined) fields[name] = toStored(kind, value);
  }
  return fields;
}

/** The folded text of the search fields among those given; null for an absent one. */
export function toFolded(collection: Collection, values: Row): Record<string, string | null> {
  const given = collection.search.filter((name) => values[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, typeof values[name] === "string" ? fold(values[name]) : null]));
}

/** A record of a document of this user's. */
export function toRecord(collection: Collection, userId: string, document: Document): Row {
  const record: Row = { id: uuidText((document._id as HomeId).id), user_id: userId };
  for (const fields of [collection.fields, stamps])
    for (const [name, { kind }] of Object.entries(fields)) record[name] = fromStored(kind, document[name]);
  return record;
}
