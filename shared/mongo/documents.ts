/**
 * Records as documents: the only place where MongoDB's types appear. Home documents have a compound `_id`, because a
 * global one would tell a stranger that an id exists. Names that begin with `_` are internal:
 *
 *   _folded       the folded text of each search field, of which `search_text` is made
 *   _refs_pending references that were written and not yet seen to hold (references.ts)
 *   _deleting     a deletion that is looking for children (delete.ts)
 *   _deleted_at   what is left is a tombstone
 */
import { Decimal128, type Document, Long, UUID } from "mongodb";
import type { Collection } from "../collections/define.ts";
import { fieldOf } from "../collections/define.ts";
import type { FieldKind } from "../collections/fields.ts";
import { canonicalDecimal } from "../values/money.ts";
import { fold } from "../values/text.ts";

export type Row = Record<string, unknown>;

export interface HomeId {
  user_id: UUID;
  id: UUID;
}

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

/** Binary values of subtype 4 come as UUID or as Binary, depending on where they stand. */
export function uuidText(value: unknown): string {
  return value instanceof UUID ? value.toString() : new UUID((value as { buffer: Uint8Array }).buffer).toString();
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

/** A record of a document. */
export function toRecord(collection: Collection, document: Document): Row {
  const { user_id, id } = document._id as HomeId;
  const record: Row = { id: uuidText(id), user_id: uuidText(user_id) };
  for (const name of [...Object.keys(collection.fields), "version", "created_at", "updated_at"])
    record[name] = fromStored(fieldOf(collection, name)?.kind ?? "text", document[name]);
  return record;
}
