/**
 * What the store asks, as plain SQL on the tables. The same conditions and orders as `records_list` and the others in
 * `supabase/migrations/*_record_functions.sql`, planned as they stand: a function would plan them a second time.
 */

import type { FilterOperator } from "../../contract/query.ts";
import type { Collection } from "../../definition/define.ts";
import { fieldOf } from "../../definition/define.ts";
import type { PageRequest, Row, Selected } from "../../repository/store.ts";
import { join, literal, name, type Sql, sql } from "./sql.ts";
import { tableOf } from "./tables.ts";

const AND = sql` and `;
const COMMA = sql`, `;

const OPERATORS: Readonly<Record<FilterOperator, Sql>> = {
  eq: sql`=`,
  gte: sql`>=`,
  gt: sql`>`,
  lte: sql`<=`,
  lt: sql`<`,
};

export const getRow = (collection: Collection, owner: string, id: string): Sql =>
  sql`select ${tableOf(collection).columns} from ${tableOf(collection).name} t where ${theRow(collection, owner, id, null)}`;

export function listRows(collection: Collection, owner: string, page: PageRequest): Sql {
  const { name: table, columns } = tableOf(collection);
  const { field, direction } = page.sort;
  const conditions = join([selected(collection, owner, page), ...behind(collection, page)], AND);
  const [way, nulls] = direction === "asc" ? [sql`asc`, sql`nulls first`] : [sql`desc`, sql`nulls last`];
  // where there is no null, saying where it goes would keep the index from being read in order
  const place = isNullable(collection, field) ? nulls : sql``;
  return sql`select ${columns} from ${table} t where ${conditions}
    order by t.${name(field)} ${way} ${place}, t.id ${way} limit ${page.limit}`;
}

export const countRows = (collection: Collection, owner: string, which: Selected): Sql =>
  sql`select count(*) from ${tableOf(collection).name} t where ${selected(collection, owner, which)}`;

/** `row`: all columns that are written */
export function insertRow(collection: Collection, row: Row): Sql {
  const { name: table, columns } = tableOf(collection);
  const names = join(Object.keys(row).map(name), COMMA);
  const values = join(Object.values(row).map(literal), COMMA);
  return sql`insert into ${table} as t (${names}) values (${values}) returning ${columns}`;
}

/** `changes`: the columns that change. None is a change, too: a column is set to itself. */
export function updateRow(
  collection: Collection,
  owner: string,
  id: string,
  changes: Row,
  version: number | null,
): Sql {
  const { name: table, columns } = tableOf(collection);
  const [any = ""] = Object.keys(collection.fields);
  const set = Object.entries(changes).map(([column, value]) => sql`${name(column)} = ${literal(value)}`);
  if (set.length === 0) set.push(sql`${name(any)} = t.${name(any)}`);
  return sql`update ${table} t set ${join(set, COMMA)} where ${theRow(collection, owner, id, version)} returning ${columns}`;
}

export const deleteRow = (collection: Collection, owner: string, id: string, version: number | null): Sql =>
  sql`delete from ${tableOf(collection).name} t where ${theRow(collection, owner, id, version)}`;

/** One of the functions of the migrations, by the names of its parameters. */
export function callFunction(of: string, parameters: Row): Sql {
  const given = Object.entries(parameters).map(([parameter, value]) => sql`${name(parameter)} => ${literal(value)}`);
  return sql`select public.${name(of)}(${join(given, COMMA)})`;
}

function theRow(collection: Collection, owner: string, id: string, version: number | null): Sql {
  const key = sql`t.${tableOf(collection).owner} = ${owner} and t.id = ${id}`;
  return version === null ? key : sql`${key} and t.version = ${version}`;
}

function selected(collection: Collection, owner: string, { filters, search }: Selected): Sql {
  const conditions = [sql`t.${tableOf(collection).owner} = ${owner}`];
  for (const { field, operator, value } of filters)
    conditions.push(sql`t.${name(field)} ${OPERATORS[operator]} ${value}`);
  if (search !== undefined) conditions.push(sql`strpos(t.search_text, ${search}) > 0`);
  return join(conditions, AND);
}

/** Compared as a row, an index starts at the very record, however many share its key. */
function* behind(collection: Collection, { sort, after }: PageRequest): Generator<Sql> {
  if (!after) return;
  const column = sql`t.${name(sort.field)}`;
  const descends = sort.direction === "desc";
  const nullable = isNullable(collection, sort.field);
  if (after.key === null)
    yield descends ? sql`${column} is null and t.id < ${after.id}` : sql`(${column} is not null or t.id > ${after.id})`;
  else if (!descends) yield sql`(${column}, t.id) > (${after.key}, ${after.id})`;
  else if (nullable) yield sql`((${column}, t.id) < (${after.key}, ${after.id}) or ${column} is null)`;
  else yield sql`(${column}, t.id) < (${after.key}, ${after.id})`;
}

const isNullable = (collection: Collection, field: string): boolean => !fieldOf(collection, field)?.required;
