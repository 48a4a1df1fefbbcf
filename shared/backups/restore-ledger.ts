/**
 * The ledger: all of it in one transaction, into books that are empty, and checked before it is committed. What guards the books
 * (they remember every change, and refuse to be written over) is set aside by their owner for that transaction alone.
 */
import { err, ok, type Result } from "neverthrow";
import type { Manifest } from "./manifest.ts";
import type { Line } from "./record-lines.ts";
import { advance, insertLines, LINES, shapeOfTable } from "./restore-tables.ts";
import type { SqlConnection, SqlQuery } from "./sql.ts";

/** In the order in which they are to be restored. */
export const LEDGER_TABLES: readonly string[] = [
  ...["public.assets", "public.ledger_owners", "public.ledger_accounts", "public.ledger_transfers"],
  ...["public.ledger_entries", "public.ledger_rates", "public.ledger_history"],
];
const ASSETS = "public.assets";
const OWNERS = "public.ledger_owners";
const ACCOUNTS = "public.ledger_accounts";
const LINES_AT_ONCE = 1_000;

/** empty: nobody has an account; same: what the backup has; other: books of its own. */
export type LedgerState = "empty" | "same" | "other";

export async function lookAtLedger(
  { query }: Pick<SqlConnection, "query">,
  manifest: Manifest,
  lines: (table: string) => AsyncIterable<Line>,
): Promise<LedgerState> {
  const [found] = await query(
    `select (select count(*) from public.ledger_transfers)::integer as "public.ledger_transfers",
       (select count(*) from public.ledger_entries)::integer as "public.ledger_entries",
       (select count(*) from ${OWNERS})::integer as "${OWNERS}",
       (select count(*) from public.ledger_history)::integer as "public.ledger_history",
       (select count(*) from public.ledger_accounts where kind = 'user')::integer as users`,
  );
  const { users, ...counts } = found ?? {};
  if (Number(users) === 0 && Number(counts["public.ledger_transfers"]) === 0 && Number(counts[OWNERS]) === 0)
    return "empty";
  const isSame =
    Object.entries(counts).every(([table, count]) => count === linesOf(manifest, table)) &&
    sameTotals(manifest.ledger ?? {}, await totals(query)) &&
    (await areTheseAccounts(query, lines(ACCOUNTS)));
  return isSame ? "same" : "other";
}

/** Books of another project may have as many accounts with as much in them. */
async function areTheseAccounts(query: SqlQuery, lines: AsyncIterable<Line>): Promise<boolean> {
  const areHere = async (batch: readonly Line[]) => {
    const [found] = await query(
      `select count(*)::integer as n from (${LINES}) l join ${ACCOUNTS} a on a.id = (l.line ->> 'id')::uuid
         and a.posted = (l.line ->> 'posted')::numeric and a.version = (l.line ->> 'version')::bigint`,
      [JSON.stringify(batch)],
    );
    return Number(found?.n) === batch.length;
  };
  let batch: Line[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < LINES_AT_ONCE) continue;
    if (!(await areHere(batch))) return false;
    batch = [];
  }
  return areHere(batch);
}

const linesOf = ({ parts }: Manifest, table: string): number =>
  parts.filter(({ collection }) => collection === table).reduce((sum, { count }) => sum + count, 0);

async function totals(query: SqlQuery): Promise<Record<string, string>> {
  const rows = await query(
    "select asset, sum(posted)::text as total from public.ledger_accounts where kind = 'user' group by asset order by asset",
  );
  return Object.fromEntries(rows.map(({ asset, total }) => [String(asset), String(total)]));
}

const sameTotals = (one: Record<string, string>, other: Record<string, string>): boolean =>
  JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());

/** `lines`: of one table. The error says what is wrong with the books; nothing of them is written then. */
export async function restoreLedger(
  sql: SqlConnection,
  manifest: Manifest,
  lines: (table: string) => AsyncIterable<Line>,
): Promise<Result<number, string>> {
  class Wrong extends Error {}
  try {
    return ok(
      await sql.transaction(async (query) => {
        const guards = await setGuardsAside(query);
        // what a new project has for itself: shards that nobody has moved anything through
        for (const table of [...LEDGER_TABLES].reverse()) if (table !== ASSETS) await query(`delete from ${table}`);
        let written = 0;
        for (const table of LEDGER_TABLES) written += await insertTable(query, table, lines(table));
        await query("set constraints all immediate");
        for (const guard of guards) await query(guard);
        const [broken] = await query("select invariant, offender, detail from public.ledger_check(1)");
        if (broken) throw new Wrong(`${broken.invariant}: ${broken.offender}, ${broken.detail}`);
        const found = await totals(query);
        if (!sameTotals(manifest.ledger ?? {}, found))
          throw new Wrong(
            `the totals are ${JSON.stringify(found)}, and the manifest says ${JSON.stringify(manifest.ledger)}`,
          );
        return written;
      }),
    );
  } catch (error) {
    if (error instanceof Wrong) return err(error.message);
    throw error;
  }
}

/** Statements that bring each back as it was. */
async function setGuardsAside(query: SqlQuery): Promise<string[]> {
  const found = await query(
    `select t.tgrelid::regclass::text as name, quote_ident(t.tgname) as trigger, t.tgenabled as enabled
     from pg_trigger t where not t.tgisinternal and t.tgenabled <> 'D' and t.tgrelid = any (
       select to_regclass(n) from unnest($1::text[]) n)`,
    [LEDGER_TABLES.filter((table) => table !== ASSETS)],
  );
  const guards: string[] = [];
  for (const { name, trigger, enabled } of found) {
    await query(`alter table ${name} disable trigger ${trigger}`);
    guards.push(
      `alter table ${name} enable ${enabled === "A" ? "always " : enabled === "R" ? "replica " : ""}trigger ${trigger}`,
    );
  }
  return guards;
}

async function insertTable(query: SqlQuery, table: string, lines: AsyncIterable<Line>): Promise<number> {
  const shape = await shapeOfTable(query, table);
  if (!shape) throw new Error(`${table} is not here: apply the migrations first.`);
  let written = 0;
  let batch: Line[] = [];
  const flush = async () => {
    const [first] = batch;
    if (!first) return;
    // of a user who is not here any more the books keep the pseudonym
    const instead: Record<string, string> =
      table === OWNERS ? { user_id: "(select u.id from auth.users u where u.id = (line ->> 'user_id')::uuid)" } : {};
    const text = insertLines(shape, Object.keys(first), LINES, instead);
    await query(table === ASSETS ? `${text} on conflict do nothing` : text, [JSON.stringify(batch)]);
    written += batch.length;
    batch = [];
  };
  for await (const line of lines) {
    batch.push(line);
    if (batch.length >= LINES_AT_ONCE) await flush();
  }
  await flush();
  await advance(query, shape);
  return written;
}
