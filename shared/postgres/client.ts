/** Supabase clients for servers: no session is kept, no token refreshed, and no call waits for ever. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { deadlinesOf } from "../deadlines.ts";

export interface ServiceConfig {
  SUPABASE_URL: string;
  SUPABASE_SECRET_KEY: string;
}

export interface UserConfig {
  SUPABASE_URL: string;
  SUPABASE_PUBLISHABLE_KEY: string;
}

export interface ClientOptions {
  /** longest time for one call */
  timeoutMs?: number;
  fetch?: typeof fetch;
}

/** A client that may do everything; for system work only, never for a user's request. */
export function serviceClient(config: ServiceConfig, options: ClientOptions = {}): SupabaseClient {
  const key = config.SUPABASE_SECRET_KEY;
  return createClient(config.SUPABASE_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { fetch: boundedFetch(options, key) },
  });
}

/** A client that acts as the user whose token it is given. Cheap enough for one per request (0.2 ms, no connection). */
export function userClient(config: UserConfig, jwt: string, options: ClientOptions = {}): SupabaseClient {
  const key = config.SUPABASE_PUBLISHABLE_KEY;
  return createClient(config.SUPABASE_URL, key, {
    accessToken: async () => jwt,
    global: { fetch: boundedFetch(options, key) },
  });
}

/** API keys of the new kind belong in `apikey` only; supabase-js repeats them in `Authorization` where no user is. */
function boundedFetch(
  { timeoutMs = deadlinesOf().callMs, fetch: send = fetch }: ClientOptions,
  key: string,
): typeof fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers);
    if (key.startsWith("sb_") && headers.get("authorization") === `Bearer ${key}`) headers.delete("authorization");
    const signals = [AbortSignal.timeout(timeoutMs), init?.signal].filter((signal) => signal instanceof AbortSignal);
    return send(input, { ...init, headers, signal: AbortSignal.any(signals) });
  };
}
