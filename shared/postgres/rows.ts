/** Records as the functions take and give them: the only place where their spelling differs from the contract's. */
import { type Collection, identityOf } from "../definition/define.ts";
import type { Field, FieldKind } from "../definition/fields.ts";
import { perCollection } from "../definition/per-collection.ts";
import type { Row } from "../repository/store.ts";
import { parseJson } from "../values/json.ts";
import { canonicalDecimal } from "../values/money.ts";

const SYSTEM_KINDS: Readonly<Record<string, FieldKind>> = {
  id: "reference",
  version: "integer",
  created_at: "instant",
  updated_at: "instant",
};

/** The columns that make a record, in the record's order. */
export const recordColumns = (collection: Collection): string[] => [
  "id",
  identityOf(collection).owner,
  ...Object.keys(collection.fields),
  "version",
  "created_at",
  "updated_at",
];

/** The values that are given: a column that is undefined keeps what it has, or takes its default. */
export const toRow = (values: Row): Row =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** A record of a row; numbers and JSON arrive as text, instants with an offset. */
export function toRecord(collection: Collection, row: Row): Row {
  const record: Row = {};
  for (const [name, kind] of shapeOf(collection)) record[name] = toValue(kind, row[name]);
  return record;
}

type Shape = readonly (readonly [name: string, kind: FieldKind])[];

/** Names and kinds of a record's columns. */
const shapeOf = perCollection(
  (collection): Shape => recordColumns(collection).map((name) => [name, kindOf(collection, name)]),
);

/** The kind of a column of a record. */
export function kindOf(collection: Collection, name: string): FieldKind {
  const field: Field | undefined = collection.fields[name];
  const kind = field?.kind ?? (name === identityOf(collection).owner ? "reference" : SYSTEM_KINDS[name]);
  if (!kind) throw new Error(`${collection.name} has no column ${name}`);
  return kind;
}

/** One value in the contract's spelling. */
export function toValue(kind: FieldKind, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case "money":
    case "decimal":
      return canonicalDecimal(String(value));
    case "integer":
      return Number(value);
    case "instant":
      return new Date(String(value)).toISOString();
    case "json":
      return parseJson(String(value));
    default:
      return value;
  }
}
