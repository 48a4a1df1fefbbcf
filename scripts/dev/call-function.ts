/** Calls an edge function of the development Supabase, as pg_cron does on a hosted project. */
import type { RunningSupabase } from "./supabase.ts";

/** A machine may be slow; what ends earlier is only done again. */
const TIMEOUT_MS = 120_000;

/** Rejects when it is not answered, or with anything but a success. */
export async function callFunction(
  { url, secretKey }: Pick<RunningSupabase, "url" | "secretKey">,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(`${url}/functions/v1/${name}`, {
    method: "POST",
    headers: { apikey: secretKey, authorization: `Bearer ${secretKey}` },
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (response.ok) return void (await response.body?.cancel());
  const { message = "" } = (await response.json().catch(() => ({}))) as { message?: string };
  throw new Error(`${name} answered ${response.status}${message && `: ${message}`}`);
}
