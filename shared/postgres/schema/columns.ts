/**
 * Columns of a collection's table. Sortable text has collation "C" (byte order, as MongoDB sorts); money and other
 * decimals are numeric(19,4), of which NaN has to be refused by hand: it is larger than every number.
 */
import type { Collection } from "../../definition/define.ts";
import type { Field, FieldKind } from "../../definition/fields.ts";
import { foldedLength } from "../../definition/search.ts";
import { type Json, jsonText } from "../../values/json.ts";
import { literal } from "./quoting.ts";

export interface Column {
  name: string;
  type: string;
  nullable: boolean;
  /** an SQL expression */
  default?: string;
  /** an SQL expression over the other columns; nobody writes such a column */
  generated?: string;
  /** an SQL condition, true for every value that the definition allows */
  check?: string;
}

const TYPES: Record<FieldKind, string> = {
  text: `text collate "C"`,
  enum: `text collate "C"`,
  currency: `text collate "C"`,
  money: "numeric(19,4)",
  decimal: "numeric(19,4)",
  integer: "bigint",
  boolean: "boolean",
  day: "date",
  instant: "timestamptz(3)",
  reference: "uuid",
  tags: `text[] collate "C"`,
  json: "jsonb",
};

/** The longest text, in characters of up to 4 bytes, that surely fits in an entry of a B-tree index (2,704 bytes). */
export const MAX_INDEXED_LENGTH = 600;

/** The columns for the definition's fields, in its order. */
export function fieldColumns(collection: Collection): Column[] {
  return Object.entries(collection.fields).map(([name, field]) => {
    const check = checkOf(name, field);
    return {
      name,
      type: TYPES[field.kind],
      nullable: !field.required,
      ...(field.defaulted && { default: defaultOf(field) }),
      ...(check && { check }),
    };
  });
}

/**
 * `search_text`: the search fields folded, one a line. The database makes it, so a row is found by `q` whoever wrote it,
 * over Supabase's REST, too, and nobody can write it. Folded text has no line break: nothing matches across two fields.
 */
export function searchColumns(collection: Collection): Column[] {
  if (collection.search.length === 0) return [];
  const lines = collection.search.map(
    (field) => `coalesce(E'\\n' || switchyard.fold(${field}, ${foldedLength(collection, field)}), '')`,
  );
  return [
    { name: "search_text", type: `text collate "C"`, nullable: false, generated: `substr(${lines.join(" || ")}, 2)` },
  ];
}

const SIGNS = { above: "> 0", "zero or above": ">= 0", any: "<> 0" };

function checkOf(name: string, field: Field): string | undefined {
  const { kind, required, format, sign = "any", maxLength = 0, minLength = 0, maxItems = 0, values = [] } = field;
  switch (kind) {
    case "text":
      return [
        // what is empty is null
        `switchyard.is_text(${name}, ${required ? minLength : Math.max(minLength, 1)}, ${maxLength})`,
        ...(format === "email" ? [`switchyard.is_email(${name})`] : []),
        ...(format === "url" ? [`switchyard.is_web_address(${name})`] : []),
      ].join(" and ");
    case "enum":
      return `${name} in (${values.map(literal).join(", ")})`;
    case "currency":
      return `switchyard.currency_decimals(${name}) is not null`;
    case "money":
    case "decimal":
      return `${name} ${SIGNS[sign]} and ${name} <> 'NaN'`;
    case "integer":
      return `${name} between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER}`;
    case "day":
      return `${name} between '0001-01-01' and '9999-12-31'`;
    case "instant":
      return `${name} >= '0001-01-01 00:00:00+00' and ${name} < '10000-01-01 00:00:00+00'`;
    case "tags":
      return `switchyard.are_tags(${name}, ${maxItems}, ${maxLength})`;
    case "json":
      return `switchyard.is_json(${name}, ${field.maxBytes})`;
    default:
      return undefined;
  }
}

function defaultOf(field: Field): string {
  const value = field.default;
  if (field.kind === "json") return literal(jsonText(value as Json));
  if (Array.isArray(value)) return value.length === 0 ? "'{}'" : `array[${value.map(String).map(literal).join(", ")}]`;
  return typeof value === "string" ? literal(value) : String(value);
}
