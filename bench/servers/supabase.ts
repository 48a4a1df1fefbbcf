/** lite on the given Postgres: what both peers of a comparison go through. */
import { type RunningSupabase, type SupabaseOptions, startSupabase } from "../../scripts/dev/supabase.ts";
import { serveParent } from "./child.ts";

export type SupabaseKeys = Pick<RunningSupabase, "url" | "publishableKey" | "secretKey" | "jwtSecret" | "jwtIssuer">;

serveParent<SupabaseOptions>(async (options) => {
  const supabase = await startSupabase(options);
  const { url, publishableKey, secretKey, jwtSecret, jwtIssuer } = supabase;
  const ready: SupabaseKeys = { url, publishableKey, secretKey, jwtSecret, jwtIssuer };
  return { ready, stop: () => supabase.stop() };
});
