/** Does in development what pg_cron does on a hosted project: calls the edge function `purge` while work is pending. */
import { pause } from "./pause.ts";
import type { RunningSupabase } from "./supabase.ts";

/** As often as pg_cron looks. */
const EVERY_MS = 10_000;
/** A machine may be slow; what ends earlier is only done again. */
const TIMEOUT_MS = 120_000;

/** Starts the loop; a round begins only after the last one has ended. */
export function startPurgeLoop(supabase: Pick<RunningSupabase, "sql" | "url" | "secretKey">): {
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  const round = async () => {
    await supabase.sql("select public.switchyard_expire_unconfirmed()");
    const [pending] = await supabase.sql<{ some: boolean }>(
      "select public.switchyard_due_databases('purge') <> '{}' as some",
    );
    if (!pending?.some) return;
    const response = await fetch(`${supabase.url}/functions/v1/purge`, {
      method: "POST",
      headers: { apikey: supabase.secretKey, authorization: `Bearer ${supabase.secretKey}` },
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (!response.ok) throw new Error(`purge answered ${response.status}`);
    await response.body?.cancel();
  };
  let said = "";
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await round().then(
        () => {
          said = "";
        },
        (error: Error) => {
          // once for each kind of trouble, not every few seconds
          if (!stopping.signal.aborted && said !== error.message)
            console.error(`The data of deleted users waits to be purged: ${error.message}`);
          said = error.message;
        },
      );
      await pause(EVERY_MS, stopping.signal);
    }
  };
  const ended = loop();
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
