/** Does in development what pg_cron does on a hosted project: calls the edge function `purge` while work is pending, and voids holds that are over. */
import { callFunction } from "./call-function.ts";
import { startLoop } from "./loop.ts";
import type { RunningSupabase } from "./supabase.ts";

/** As often as pg_cron looks. */
const EVERY_MS = 10_000;

export function startPurgeLoop(supabase: Pick<RunningSupabase, "sql" | "url" | "secretKey">): {
  stop(): Promise<void>;
} {
  return startLoop({
    async round(signal) {
      await supabase.sql("select public.switchyard_expire_unconfirmed()");
      await supabase.sql("select public.ledger_expire()");
      const [pending] = await supabase.sql<{ some: boolean }>(
        "select public.switchyard_due_databases('purge') <> '{}' as some",
      );
      if (pending?.some) await callFunction(supabase, "purge", signal);
    },
    everyMs: EVERY_MS,
    trouble: (message) => console.error(`The data of deleted users waits to be purged: ${message}`),
  });
}
