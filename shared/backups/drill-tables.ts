/** Whether the rows of a table of the control plane are the lines of a backup, each of them and no other. */
import { batches } from "./parts.ts";
import type { Line } from "./record-lines.ts";
import { LINES, shapeOfTable } from "./restore-tables.ts";
import type { SqlQuery } from "./sql.ts";

const MOST_NAMED = 5;

/** `except`: columns that a restore sets itself. A table that is not here is none that could be restored. */
export async function compareTable(
  query: SqlQuery,
  table: string,
  lines: AsyncIterable<Line>,
  except: readonly string[],
  differ: (sentence: string) => void,
): Promise<void> {
  const shape = await shapeOfTable(query, table);
  if (!shape) return;
  const keys = await query(
    `select a.attname as name from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
     where c.conrelid = to_regclass($1) and c.contype = 'p'`,
    [table],
  );
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const givenOf = (name: string) => {
    const type = shape.columns.find((column) => column.name === name)?.type;
    return `(l.line ->> '${name.replaceAll("'", "''")}')::${type}`;
  };
  const isSameKey = keys.map(({ name }) => `t.${quoted(String(name))} = ${givenOf(String(name))}`).join(" and ");
  let count = 0;

  async function compare(batch: readonly Line[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    count += batch.length;
    const compared = shape?.columns.filter(({ name }) => name in first && !except.includes(name)) ?? [];
    // as text: json has no equality
    const differing = compared.map(
      ({ name }) =>
        `case when t.${quoted(name)}::text is distinct from ${givenOf(name)}::text then '${name.replaceAll("'", "''")}' end`,
    );
    const found = await query(
      `select d.key, d.missing, d.columns from (${LINES}) l left join ${table} t on ${isSameKey},
         lateral (select ${keys.map(({ name }) => `${givenOf(String(name))}::text`).join(" || ' ' || ")} as key,
           t is null as missing, concat_ws(', ', ${differing.join(", ")}) as columns) d
       where d.missing or d.columns <> ''`,
      [JSON.stringify(batch)],
    );
    for (const [n, { key, missing, columns }] of found.entries())
      differ(
        n < MOST_NAMED ? `${table} ${key} ${missing ? "is not there" : `differs in ${columns}`}` : `${table} ${key}`,
      );
  }
  for await (const batch of batches(lines)) await compare(batch);
  const [there] = await query(`select count(*)::integer as n from ${table}`);
  if (Number(there?.n) !== count) differ(`${table}: ${there?.n} are there, and the backup has ${count}`);
}
