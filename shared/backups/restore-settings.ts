/** What the operator has set, and the histories of a project: brought back into one that has no users yet, and never mixed. */
import type { Manifest } from "./manifest.ts";
import type { Line } from "./record-lines.ts";
import { advance, insertLines, LINES, shapeOfTable } from "./restore-tables.ts";
import type { SqlConnection, SqlQuery } from "./sql.ts";

/** Facts of the project that was, and of no other: which databases there are, and where a collection is written at present. */
const OF_THE_PROJECT: readonly string[] = ["switchyard.databases", "switchyard.placements"];
/** Numbers that go on behind those which this project has given already: the restore itself stands in its audit. */
const RENUMBERED: Readonly<Record<string, string>> = {
  "switchyard.admin_audit": "id",
  "switchyard.admin_audit_outcomes": "audit_id",
};
const RESTORED_FROM = "restored_from";
const LINES_AT_ONCE = 1_000;

/** Whether a table is no account's, and no part of the ledger. */
export const isSettings = (table: string): boolean => table.startsWith("switchyard.");

/** Whether the project is still to get them: it has no users, and no restore has brought any. */
export async function wantsSettings({ query }: Pick<SqlConnection, "query">): Promise<boolean> {
  const [found] = await query(
    `select exists (select from auth.users) or exists (select from switchyard.settings where key = '${RESTORED_FROM}') as has`,
  );
  return found?.has !== true;
}

/** All in one transaction. */
export const restoreSettings = (
  sql: SqlConnection,
  { id, parts }: Manifest,
  lines: (table: string) => AsyncIterable<Line>,
): Promise<void> =>
  sql.transaction(async (query) => {
    const tables = [...new Set(parts.map(({ collection }) => collection))].filter(
      (name) => isSettings(name) && !OF_THE_PROJECT.includes(name),
    );
    // whoever notes something meanwhile gets a number behind those that come
    await query("lock table switchyard.admin_audit in share row exclusive mode");
    const [audit] = await query("select coalesce(max(id), 0)::text as last from switchyard.admin_audit");
    for (const table of tables) await restoreTable(query, table, lines(table), String(audit?.last));
    await query("insert into switchyard.settings (key, value) values ($1, $2)", [RESTORED_FROM, id]);
  });

async function restoreTable(query: SqlQuery, table: string, lines: AsyncIterable<Line>, behind: string): Promise<void> {
  const shape = await shapeOfTable(query, table);
  if (!shape) return;
  const numbered = RENUMBERED[table];
  const instead = numbered ? { [numbered]: `(line ->> '${numbered}')::bigint + ${behind}` } : {};
  let batch: Line[] = [];
  const flush = async () => {
    const [first] = batch;
    if (!first) return;
    const text = insertLines(shape, Object.keys(first), LINES, instead);
    await query(`${text} on conflict do nothing`, [JSON.stringify(batch)]);
    batch = [];
  };
  for await (const line of lines) {
    batch.push(line);
    if (batch.length >= LINES_AT_ONCE) await flush();
  }
  await flush();
  await advance(query, shape);
}
