/**
 * Lines of a home's records as Postgres itself writes them: the same text as line-text.ts makes of the row, for a third of what a
 * backup otherwise does with each (bench p). What Postgres cannot spell as EJSON does (JSON, whose numbers have types) is left to
 * that.
 */
import pg from "pg";
import { type Collection, identityOf } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import { uuidOf } from "./exact-values.ts";
import { type Line, WRITTEN } from "./record-lines.ts";

const uuid = (column: string) =>
  `'{"$binary":{"base64":"' || encode(uuid_send(${column}), 'base64') || '","subType":"04"}}'`;
const long = (column: string) => `'{"$numberLong":"' || ${column} || '"}'`;
const instant = (column: string) =>
  `'{"$date":{"$numberLong":"' || (extract(epoch from ${column}) * 1000)::bigint || '"}}'`;
const text = (column: string) => `to_json(${column}::text)::text`;

/** Of a value that is not null, by kind; in the spelling of `canonicalDecimal`, JSON.stringify and canonical EJSON. */
const SPELLED: Partial<Record<FieldKind, (column: string) => string>> = {
  ...{ text, enum: text, currency: text, day: text, instant, integer: long, reference: uuid },
  money: (column) =>
    `'{"$numberDecimal":"' || case when scale(trim_scale(${column})) < 2 then round(${column}, 2) else trim_scale(${column}) end || '"}'`,
  boolean: (column) => `${column}::text`,
  tags: (column) => `to_json(${column})::text`,
};

interface RowText {
  /** what to select */
  columns: string;
  /** of a row of that, every value as text: what a backup looks at of a line, and what it writes */
  line(row: Record<string, unknown>): Line;
}

/** Null: these are not written so. */
export function rowTextOf(collection: Collection): RowText | null {
  const { placement, fields, money } = collection;
  if (placement.kind !== "home" || Object.values(fields).some(({ kind }) => !SPELLED[kind])) return null;
  const { owner } = identityOf(collection);
  const parts: [name: string, value: string][] = [
    ["id", uuid("id")],
    [owner, uuid(pg.escapeIdentifier(owner))],
    ...Object.entries(fields).map(([name, { kind }]): [string, string] => [
      name,
      `coalesce(${SPELLED[kind]?.(pg.escapeIdentifier(name))}, 'null')`,
    ]),
    ["version", long("version")],
    ["created_at", instant("created_at")],
    ["updated_at", instant("updated_at")],
    ["create_hash", `coalesce(${text("create_hash")}, 'null')`],
  ];
  const members = parts.map(
    ([name, value], at) => `${pg.escapeLiteral(`${at > 0 ? "," : "{"}${JSON.stringify(name)}:`)} || ${value}`,
  );
  const currency = money && !("reference" in money.currency) ? money.currency.field : undefined;
  const looked = ["id", owner, "version", ...(money ? [money.field] : []), ...(currency ? [currency] : [])];
  let last = { text: "", uuid: uuidOf("00000000-0000-0000-0000-000000000000") };
  return {
    columns: [`${members.join(" || ")} || '}' as "_line"`, ...looked.map((name) => pg.escapeIdentifier(name))].join(
      ", ",
    ),
    line(row) {
      const of = row[owner] as string;
      // records of one owner often follow each other
      if (last.text !== of) last = { text: of, uuid: uuidOf(of) };
      const line: Line = { id: row.id, [owner]: last.uuid, version: row.version };
      if (money) line[money.field] = row[money.field];
      if (currency) line[currency] = row[currency];
      (line as Record<symbol, unknown>)[WRITTEN] = row._line;
      return line;
    },
  };
}
