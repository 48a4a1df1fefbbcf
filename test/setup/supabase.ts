/** A Supabase of a test file's own: on PGlite in memory, or on the server given by URL, where both databases take users. */
import { inject } from "vitest";
import { newKeys } from "../../scripts/dev/keys.ts";
import { type RunningSupabase, startSupabase } from "../../scripts/dev/supabase.ts";

export async function startTestSupabase(): Promise<RunningSupabase> {
  const { dbUrl, adminDbUrl } = inject("servers");
  const supabase = await startSupabase({
    port: 0,
    functions: false,
    jwtSecret: newKeys().jwtSecret,
    ...(dbUrl ? { dbUrl, adminDbUrl } : {}),
  });
  await supabase.sql("update switchyard.databases set accepting = true, opened_at = coalesce(opened_at, now())");
  return supabase;
}
