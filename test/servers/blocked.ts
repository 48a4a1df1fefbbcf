import type postgres from "postgres";
import { expect } from "vitest";
import { PATIENT } from "../setup/patience.ts";

/** Waits until somebody waits for what the transaction `holder` holds; `sql` is asked, on a connection beside it. */
export async function untilBlocked(sql: postgres.Sql, holder: postgres.TransactionSql): Promise<void> {
  const [{ pid } = { pid: 0 }] = await holder`select pg_backend_pid() as pid`;
  await expect
    .poll(() => sql`select 1 from pg_stat_activity where ${pid} = any (pg_blocking_pids(pid))`, PATIENT)
    .toHaveLength(1);
}
