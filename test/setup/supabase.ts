/** A Supabase of a test file's own: on PGlite, or on the server given by URL, where both databases take users. */
import { startOwn, type TestSupabase } from "./start-supabase.ts";

export async function startTestSupabase(): Promise<TestSupabase> {
  const supabase = await startOwn();
  await supabase.sql("update switchyard.databases set accepting = true, opened_at = coalesce(opened_at, now())");
  return supabase;
}
