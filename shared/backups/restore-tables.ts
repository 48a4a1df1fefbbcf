/** Rows of the control plane's tables as their lines have them: every value as the text that Postgres reads. */
import type { Line } from "./record-lines.ts";
import type { SqlQuery } from "./sql.ts";

interface Column {
  name: string;
  type: string;
  isIdentity: boolean;
}

export interface TableShape {
  /** with its schema */
  name: string;
  columns: readonly Column[];
  /** by which a row belongs to one user's account, and goes with it; null: to none */
  user: string | null;
}

/** Null: there is no such table here. Columns that the database makes itself are left out. */
export async function shapeOfTable(query: SqlQuery, name: string): Promise<TableShape | null> {
  const columns = await query(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attidentity <> '' as "isIdentity"
     from pg_attribute a where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     order by a.attnum`,
    [name],
  );
  if (columns.length === 0) return null;
  const [foreign] = await query(
    `select a.attname as name from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
     where c.conrelid = to_regclass($1) and c.contype = 'f' and c.confrelid = 'auth.users'::regclass`,
    [name],
  );
  const named = columns as unknown as Column[];
  // a stand-in of Auth has no foreign keys
  const own = name.startsWith("auth.") ? named.find((column) => column.name === "user_id") : undefined;
  return { name, columns: named, user: foreign ? String(foreign.name) : (own?.name ?? null) };
}

/** Columns of a line that the table does not have: they are not restored. */
export const unknownColumns = ({ columns }: TableShape, line: Line): string[] =>
  Object.keys(line).filter((key) => !columns.some(({ name }) => name === key));

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/**
 * Inserts what `source` gives: a query with a column `line` of jsonb. `given`: the columns that lines have. `instead`: what
 * stands for a column, as an expression over `line`.
 */
export function insertLines(
  { name, columns }: TableShape,
  given: readonly string[],
  source: string,
  instead: Readonly<Record<string, string>> = {},
): string {
  const both = columns.filter((column) => given.includes(column.name));
  const value = (column: Column) =>
    instead[column.name] ?? `(line ->> '${column.name.replaceAll("'", "''")}')::${column.type}`;
  const overriding = both.some(({ isIdentity }) => isIdentity) ? "overriding system value" : "";
  return `insert into ${name} (${both.map((column) => quoted(column.name)).join(", ")}) ${overriding}
    select ${both.map(value).join(", ")} from (${source}) lines`;
}

/** Lines as a parameter, in their order. */
export const LINES =
  "select value as line from jsonb_array_elements($1::text::jsonb) with ordinality e (value, n) order by n";

/** Numbers that the table makes itself go on behind what it has now. */
export async function advance(query: SqlQuery, { name, columns }: TableShape): Promise<void> {
  for (const column of columns.filter(({ isIdentity }) => isIdentity))
    await query(
      `select setval(pg_get_serial_sequence($1, $2), greatest(
         (select coalesce(max(${quoted(column.name)}), 0) from ${name}) + 1, nextval(pg_get_serial_sequence($1, $2))), false)`,
      [name, column.name],
    );
}
