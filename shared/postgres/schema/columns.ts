/**
 * Columns of a collection's table. Sortable text has collation "C" (byte order, as MongoDB sorts); money and other
 * decimals are numeric(19,4), of which NaN has to be refused by hand: it is larger than every number.
 */
import type { Collection } from "../../definition/define.ts";
import type { Field, FieldKind } from "../../definition/fields.ts";
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
};

/** The longest text, in characters of up to 4 bytes, that surely fits in an entry of a B-tree index (2,704 bytes). */
export const MAX_INDEXED_LENGTH = 600;

/** NFKC makes up to 18 characters of one (U+FDFA), and upper case up to 3. */
const FOLDED_GROWTH = 20;

/** What holds a search field as it is compared: folded by the application, because the engines fold differently. */
export const foldedColumn = (field: string): string => `${field}_folded`;

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
 * One folded column for each search field, and `search_text`, made of them by the database: an update that changes one
 * search field needs no look at the others, and two at once lose nothing. (Who writes past the API, through Supabase's
 * REST, has to fold as well, or `q` does not find it.)
 */
export function searchColumns({ search, fields }: Collection): Column[] {
  if (search.length === 0) return [];
  const folded = search.map((field) => ({
    name: foldedColumn(field),
    type: `text collate "C"`,
    nullable: true,
    check: `char_length(${foldedColumn(field)}) <= ${(fields[field]?.maxLength ?? 0) * FOLDED_GROWTH}`,
  }));
  const lines = folded.map(({ name }) => `coalesce(E'\\n' || ${name}, '')`);
  return [
    ...folded,
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
    default:
      return undefined;
  }
}

function defaultOf(field: Field): string {
  const value = field.default;
  if (Array.isArray(value)) return value.length === 0 ? "'{}'" : `array[${value.map(String).map(literal).join(", ")}]`;
  return typeof value === "string" ? literal(value) : String(value);
}
