/** A development Supabase of a test file's own: its own gateway, hook and token function, on the run's database. */
import { randomUUID } from "node:crypto";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { decodeJwt, type JWTPayload } from "jose";
import { newKeys } from "../../scripts/dev/keys.ts";
import type { RunningSupabase, SupabaseOptions } from "../../scripts/dev/supabase.ts";
import { startOwn } from "../setup/start-supabase.ts";

export interface Own extends RunningSupabase {
  readonly hookSecret: string;
  /** A client as a browser has it; `pkce` is the flow of a server-rendered page. */
  browser(flowType?: "implicit" | "pkce"): SupabaseClient;
  /** A client with the secret key. */
  service(): SupabaseClient;
}

const quiet = { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } };

export async function ownSupabase(options: Partial<SupabaseOptions> = {}): Promise<Own> {
  const { hookSecret } = newKeys();
  const supabase = await startOwn({ hookSecret, passwordCost: 4, ...options });
  return {
    ...supabase,
    hookSecret,
    browser: (flowType = "implicit") =>
      createClient(supabase.url, supabase.publishableKey, { auth: { ...quiet.auth, flowType } }),
    service: () => createClient(supabase.url, supabase.secretKey, quiet),
  };
}

export const address = (prefix = "g"): string => `${prefix}-${randomUUID()}@gateway.test`;

export interface Claims extends JWTPayload {
  readonly app_metadata: { readonly home?: string; readonly home_epoch?: number };
}

export const claimsOf = (token: string | undefined): Claims => decodeJwt<Claims>(token ?? "");

/** A raw answer of Auth: what supabase-js makes of it hides the half. */
export async function signUpRaw(
  supabase: Own,
  email: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${supabase.url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: supabase.publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email, password: "correct horse" }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
