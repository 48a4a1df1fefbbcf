/** The development Supabase with the loop that purges, as a part. */
import type { StartPart } from "../part-main.ts";
import { startPurgeLoop } from "../purge-loop.ts";
import { type RunningSupabase, type SupabaseOptions, startSupabase } from "../supabase.ts";

export type SupabasePartOptions = Omit<SupabaseOptions, "onMail">;
export type SupabaseStarted = Omit<RunningSupabase, "sql" | "stop">;
/** What the part tells: a mail that Auth would send. */
export type SupabaseMail = Parameters<NonNullable<SupabaseOptions["onMail"]>>[0];

export const start: StartPart<SupabasePartOptions, SupabaseStarted> = async (options, tell) => {
  const { sql, stop, ...started } = await startSupabase({ ...options, onMail: tell });
  const purge = startPurgeLoop({ ...started, sql });
  return {
    started,
    calls: { sql },
    async stop() {
      await purge.stop();
      await stop();
    },
  };
};
