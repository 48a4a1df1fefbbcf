/** Rows loaded past their table's triggers, which are afterwards exactly as they were. */
import type postgres from "postgres";

/** How a trigger fires (`pg_trigger.tgenabled`), as `alter table` says it. */
const AGAIN = { O: "enable", A: "enable always", R: "enable replica", D: "disable" } as const;

/**
 * Does `work` in one transaction while none of the table's own triggers fires. They are put back one by one, as each was
 * found: `enable trigger user` would make "always" ones ordinary, and a list of names misses those that come later.
 */
export async function withoutTriggers(
  sql: postgres.Sql,
  table: string,
  work: (tx: postgres.TransactionSql) => Promise<unknown>,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(`lock table ${table} in share row exclusive mode`);
    const triggers = await tx<{ name: string; fires: keyof typeof AGAIN }[]>`
      select quote_ident(tgname) as name, tgenabled as fires from pg_trigger
      where tgrelid = ${table}::regclass and not tgisinternal`;
    await tx.unsafe(`alter table ${table} disable trigger user`);
    await work(tx);
    for (const { name, fires } of triggers) await tx.unsafe(`alter table ${table} ${AGAIN[fires]} trigger ${name}`);
  });
}
