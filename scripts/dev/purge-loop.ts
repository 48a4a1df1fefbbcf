/**
 * Does in development what pg_cron does on a hosted project: calls the edge functions `purge` and `moves` while work is
 * pending for them, and `alerts` once a minute, and voids holds that are over.
 */
import { callFunction } from "./call-function.ts";
import { startLoop } from "./loop.ts";
import type { RunningSupabase } from "./supabase.ts";

/** As often as pg_cron looks. */
const EVERY_MS = 10_000;

/** As often as pg_cron looks for steps of moves. */
const MOVES_EVERY_MS = 5_000;

/** As often as pg_cron has it looked for what is wrong; for the first time when the system has been up for so long. */
const ALERTS_EVERY_MS = 60_000;

export function startPurgeLoop(supabase: Pick<RunningSupabase, "sql" | "url" | "secretKey">): {
  stop(): Promise<void>;
} {
  const purging = startLoop({
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
  const moving = startLoop({
    async round(signal) {
      const [due] = await supabase.sql<{ some: boolean }>(
        "select public.switchyard_due_databases('move') <> '{}' as some",
      );
      if (due?.some) await callFunction(supabase, "moves", signal);
    },
    everyMs: MOVES_EVERY_MS,
    trouble: (message) => console.error(`Users who are being moved wait: ${message}`),
  });
  let isStarting = true;
  const watching = startLoop({
    async round(signal) {
      if (!isStarting) await callFunction(supabase, "alerts", signal);
      isStarting = false;
    },
    everyMs: ALERTS_EVERY_MS,
    trouble: (message) => console.error(`Nobody looks for alerts: ${message}`),
  });
  return { stop: async () => void (await Promise.all([purging.stop(), moving.stop(), watching.stop()])) };
}
