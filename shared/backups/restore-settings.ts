/** What the operator has set, and the histories of a project: brought back into one that has no users yet, and never mixed. */
import type { Manifest } from "./manifest.ts";
import type { Line } from "./record-lines.ts";
import { ASSIGNMENTS, USERS } from "./restore-accounts.ts";
import { LEDGER_TABLES } from "./restore-ledger.ts";
import { advance, insertLines, LINES, shapeOfTable } from "./restore-tables.ts";
import type { SqlConnection, SqlQuery } from "./sql.ts";

/** Facts of the project that was, and of no other: which databases there are, and where a collection is written at present. */
const OF_THE_PROJECT: readonly string[] = ["switchyard.databases", "switchyard.placements"];
/** Of one row, which every project has. */
const SINGLE: readonly string[] = ["switchyard.quotas"];
const LINES_AT_ONCE = 1_000;

/** Whether a table is no account's. */
export const isSettings = (table: string): boolean =>
  table.startsWith("switchyard.") && !table.startsWith("switchyard.private_");

export async function hasUsers({ query }: Pick<SqlConnection, "query">): Promise<boolean> {
  const [found] = await query("select exists (select from auth.users) as has");
  return found?.has === true;
}

/** All in one transaction. */
export const restoreSettings = (
  sql: SqlConnection,
  { parts }: Manifest,
  lines: (table: string) => AsyncIterable<Line>,
): Promise<void> =>
  sql.transaction(async (query) => {
    const tables = [...new Set(parts.map(({ collection }) => collection))].filter(
      (name) =>
        name.includes(".") &&
        isSettings(name) &&
        ![USERS, ASSIGNMENTS, ...LEDGER_TABLES, ...OF_THE_PROJECT].includes(name),
    );
    for (const table of tables) await restoreTable(query, table, lines(table));
  });

async function restoreTable(query: SqlQuery, table: string, lines: AsyncIterable<Line>): Promise<void> {
  const shape = await shapeOfTable(query, table);
  if (!shape) return;
  if (SINGLE.includes(table)) await query(`delete from ${table}`);
  let batch: Line[] = [];
  const flush = async () => {
    const [first] = batch;
    if (first)
      await query(`${insertLines(shape, Object.keys(first), LINES)} on conflict do nothing`, [JSON.stringify(batch)]);
    batch = [];
  };
  for await (const line of lines) {
    batch.push(line);
    if (batch.length >= LINES_AT_ONCE) await flush();
  }
  await flush();
  await advance(query, shape);
}
