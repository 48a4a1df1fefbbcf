/**
 * What the store asks, as plain SQL on the tables. The same conditions and orders as `records_list` and the others in
 * `supabase/migrations/*_record_functions.sql`, planned as they stand: a function would plan them a second time.
 */

import type { Filter, FilterOperator } from "../../contract/query.ts";
import type { Collection } from "../../definition/define.ts";
import { fieldOf } from "../../definition/define.ts";
import type { PageRequest, Row, Selected } from "../../repository/store.ts";
import { join, literal, name, type Sql, sql } from "./sql.ts";
import { tableOf, valueFor } from "./tables.ts";

const AND = sql` and `;
const COMMA = sql`, `;

const OR = sql` or `;

const OPERATORS: Readonly<Record<Exclude<FilterOperator, "has" | "null">, Sql>> = {
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
  const conditions = join([selected(collection, page.owners ?? owner, page), ...behind(collection, page)], AND);
  const order = page.order.map(({ field, direction }) => {
    const [way, nulls] = direction === "asc" ? [sql`asc`, sql`nulls first`] : [sql`desc`, sql`nulls last`];
    // where there is no null, saying where it goes would keep the index from being read in order
    return sql`t.${name(field)} ${way} ${isNullable(collection, field) ? nulls : sql``}`;
  });
  return sql`select ${columns} from ${table} t where ${conditions}
    order by ${join(order, COMMA)} limit ${page.limit}`;
}

export const countRows = (collection: Collection, owner: string, which: Selected): Sql =>
  sql`select count(*) from ${tableOf(collection).name} t where ${selected(collection, owner, which)}`;

/** `row`: all columns that are written */
export function insertRow(collection: Collection, row: Row): Sql {
  const { name: table, columns } = tableOf(collection);
  const names = join(Object.keys(row).map(name), COMMA);
  const values = join(
    Object.entries(row).map(([column, value]) => valueFor(collection, column, value)),
    COMMA,
  );
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
  const set = Object.entries(changes).map(
    ([column, value]) => sql`${name(column)} = ${valueFor(collection, column, value)}`,
  );
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

function selected(collection: Collection, owners: string | readonly string[], { filters, search }: Selected): Sql {
  const theirs = typeof owners === "string" ? sql`= ${owners}` : sql`= any (${owners})`;
  const conditions = [sql`t.${tableOf(collection).owner} ${theirs}`, ...filters.map(condition)];
  if (search !== undefined) conditions.push(sql`strpos(t.search_text, ${search}) > 0`);
  return join(conditions, AND);
}

function condition({ field, operator, value }: Filter): Sql {
  const column = sql`t.${name(field)}`;
  if (operator === "null") return value === true ? sql`${column} is null` : sql`${column} is not null`;
  if (operator === "in") return sql`${column} = any (string_to_array(${value}, ',')::uuid[])`;
  return operator === "has" ? sql`${value} = any (${column})` : sql`${column} ${OPERATORS[operator]} ${value}`;
}

function* behind(collection: Collection, { order, after }: PageRequest): Generator<Sql> {
  if (after)
    yield beyond(
      order.map(({ field, direction }, at) => ({
        column: sql`t.${name(field)}`,
        descends: direction === "desc",
        // after a value, nulls follow only descending
        nullsFollow: direction === "desc" && isNullable(collection, field),
        key: after[at] ?? null,
      })),
    );
}

interface Place {
  column: Sql;
  descends: boolean;
  nullsFollow: boolean;
  key: string | number | boolean | null;
}

/**
 * What comes after these keys in that order. Compared as a row where that says the same: an index starts at the very
 * record then, however many share its first key. Else `a <= x and (a < x or the rest)`, of which it reads the first part.
 */
function beyond(places: readonly Place[]): Sql {
  const [{ column, descends, nullsFollow, key }, ...others] = places as [Place, ...Place[]];
  const way = descends ? sql`<` : sql`>`;
  if (places.every((place) => place.key !== null && !place.nullsFollow && place.descends === descends)) {
    const columns = places.map((place) => place.column);
    return sql`(${join(columns, COMMA)}) ${way} (${join(
      places.map((place) => literal(place.key)),
      COMMA,
    )})`;
  }
  const rest = others.length > 0 ? beyond(others) : sql`false`;
  if (key === null) return descends ? sql`(${column} is null and ${rest})` : sql`(${column} is not null or ${rest})`;
  const keyset = sql`(${column} ${way}= ${key} and (${column} ${way} ${key} or ${rest}))`;
  return nullsFollow ? sql`(${join([keyset, sql`${column} is null`], OR)})` : keyset;
}

const isNullable = (collection: Collection, field: string): boolean => !fieldOf(collection, field)?.required;
