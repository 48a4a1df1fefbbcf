/** A collection as its table: the names in statements, and what the texts that come back stand for. */
import pg from "pg";
import { type Collection, identityOf } from "../../definition/define.ts";
import type { FieldKind } from "../../definition/fields.ts";
import { perCollection } from "../../definition/per-collection.ts";
import type { Row } from "../../repository/store.ts";
import { type Json, jsonText, parseJson } from "../../values/json.ts";
import { canonicalDecimal } from "../../values/money.ts";
import { kindOf, recordColumns } from "../rows.ts";
import { join, literal, name, type Sql, sql } from "./sql.ts";

export interface Table {
  name: Sql;
  /** the column of the owner's id */
  owner: Sql;
  /** all that make a record, of the row `t` */
  columns: Sql;
  toRecord(row: readonly (string | null)[]): Row;
}

export const tableOf = perCollection((collection): Table => {
  const names = recordColumns(collection);
  const readers = names.map((column) => READERS[kindOf(collection, column)] ?? asItIs);
  return {
    name: sql`public.${name(collection.name)}`,
    owner: name(identityOf(collection).owner),
    columns: join(
      names.map((column) => sql`t.${name(column)}`),
      sql`, `,
    ),
    toRecord(row) {
      const record: Row = {};
      for (let at = 0; at < names.length; at++) {
        const text = row[at];
        record[names[at] as string] = text === null || text === undefined ? null : (readers[at] as Reader)(text);
      }
      return record;
    },
  };
});

/** A value for a column of the collection's, in the contract's spelling; JSON goes as its text, be it a text itself. */
export function valueFor({ fields }: Collection, column: string, value: unknown): Sql {
  const isJson = value !== null && Object.hasOwn(fields, column) && fields[column]?.kind === "json";
  return literal(isJson ? jsonText(value as Json) : value);
}

type Reader = (text: string) => unknown;

const asItIs: Reader = (text) => text;
// the driver's types know its numbers by name, and have none for arrays
const parserOf = pg.types.getTypeParser as (oid: number, format: "text") => Reader;
const parseTexts = parserOf(1009, "text");

const READERS: Partial<Record<FieldKind, Reader>> = {
  money: toDecimal,
  decimal: toDecimal,
  integer: Number,
  boolean: (text) => text === "t",
  instant: toInstant,
  tags: toTexts,
  json: parseJson,
};

/** Of numeric(19,4), which Postgres writes with all its 4 decimals: no number has to be made of it. */
function toDecimal(text: string): string {
  if (text.at(-5) !== ".") return canonicalDecimal(text);
  return text.endsWith("00") ? text.slice(0, -2) : text.endsWith("0") ? text.slice(0, -1) : text;
}

/** Elements without quotes have nothing in them that would need reading. None is null: the table refuses that. */
function toTexts(text: string): unknown {
  if (text === "{}") return [];
  return text.includes('"') ? parseTexts(text) : text.slice(1, -1).split(",");
}

/**
 * `2026-03-14 15:09:26.5+00` as the contract writes it. Not by `Date`, which takes a year below 100 for one of the last
 * century in any spelling but ISO's own.
 */
function toInstant(text: string): string {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?\+00$/.test(text))
    throw new Error("Postgres writes an instant that is not in ISO and UTC, or not in milliseconds.");
  const fraction = text.slice(20, -3);
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(3, "0")}Z`;
}
