/**
 * Records as documents: the only place where MongoDB's types appear. How a document is keyed stands in `keys.ts`. Names
 * that begin with `_` are internal:
 *
 *   _folded       the folded text of each search field, which is what search looks into
 *   _touched      how often a record that refers to this one has been written (references.ts)
 *   _deleted_at   what is left is a tombstone
 */
import { type Binary, Decimal128, type Document, Long, UUID } from "mongodb";
import { type Collection, systemFields } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import { perCollection } from "../definition/per-collection.ts";
import type { Row } from "../repository/store.ts";
import type { Json } from "../values/json.ts";
import { canonicalDecimal } from "../values/money.ts";
import { fromStoredJson, toStoredJson } from "./json.ts";
import { type Keys, keysOf } from "./keys.ts";

/** The system fields that are kept under their own names; the id is part of `_id`, or all of it. */
const { id: _id, ...stamps } = systemFields;

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
    case "json":
      return toStoredJson(value as Json);
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
    case "json":
      return fromStoredJson(value);
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

/** A record of a document of this owner's; whose it is says the document where that is not known. */
export function toRecord(collection: Collection, ownerId: string | undefined, document: Document): Row {
  const { owner, ownerOf, idOf, fields } = shapeOf(collection);
  const record: Row = { id: uuidText(idOf(document)), [owner]: ownerId ?? uuidText(ownerOf(document)) };
  for (const [name, kind] of fields) record[name] = fromStored(kind, document[name]);
  return record;
}

/** What is read of a document that becomes a record: no folded text, which is as long as the record again, and no hash. */
export const recordProjection = perCollection((collection): Readonly<Record<string, 1>> => {
  const { fields, ownerPath } = shapeOf(collection);
  // the owner of a home's record is in its key
  const owner = ownerPath.startsWith("_id.") ? [] : [ownerPath];
  return Object.fromEntries(["_id", ...owner, ...fields.map(([name]) => name)].map((name) => [name, 1]));
});

interface Shape extends Pick<Keys, "owner" | "ownerPath" | "ownerOf" | "idOf"> {
  fields: readonly (readonly [name: string, kind: FieldKind])[];
}

const shapeOf = perCollection((collection): Shape => {
  const { owner, ownerPath, ownerOf, idOf } = keysOf(collection);
  const all = Object.entries({ ...collection.fields, ...stamps });
  return { owner, ownerPath, ownerOf, idOf, fields: all.map(([name, { kind }]) => [name, kind]) };
});
