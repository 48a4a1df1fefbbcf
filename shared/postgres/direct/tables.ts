/** A collection as its table: the names in statements, and what the texts that come back stand for. */
import pg from "pg";
import { type Collection, identityOf } from "../../definition/define.ts";
import type { FieldKind } from "../../definition/fields.ts";
import type { Row } from "../../repository/store.ts";
import { canonicalDecimal } from "../../values/money.ts";
import { kindOf, recordColumns } from "../rows.ts";
import { join, name, type Sql, sql } from "./sql.ts";

export interface Table {
  name: Sql;
  /** the column of the owner's id */
  owner: Sql;
  /** all that make a record, of the row `t` */
  columns: Sql;
  toRecord(row: readonly (string | null)[]): Row;
}

const tables = new WeakMap<Collection, Table>();

/** Made once for each collection. */
export function tableOf(collection: Collection): Table {
  const known = tables.get(collection);
  if (known) return known;
  const names = recordColumns(collection);
  const readers = names.map((column) => READERS[kindOf(collection, column)] ?? asItIs);
  const made: Table = {
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
  tables.set(collection, made);
  return made;
}

type Reader = (text: string) => unknown;

const asItIs: Reader = (text) => text;
// the driver's types know its numbers by name, and have none for arrays
const parserOf = pg.types.getTypeParser as (oid: number, format: "text") => Reader;
const TEXT_ARRAY = 1009;

const READERS: Partial<Record<FieldKind, Reader>> = {
  money: canonicalDecimal,
  decimal: canonicalDecimal,
  integer: Number,
  boolean: (text) => text === "t",
  instant: toInstant,
  tags: parserOf(TEXT_ARRAY, "text"),
};

/**
 * `2026-03-14 15:09:26.5+00` as the contract writes it. Not by `Date`, which takes a year below 100 for one of the last
 * century in any spelling but ISO's own.
 */
function toInstant(text: string): string {
  const [, day, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?\+00$/.exec(text) ?? [];
  if (!day) throw new Error("Postgres writes an instant that is not in ISO and UTC, or not in milliseconds.");
  return `${day}T${seconds}.${fraction.padEnd(3, "0")}Z`;
}
