/** What test files need of the shared servers: the addresses, clients, and users of their own. */
import { randomUUID } from "node:crypto";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { inject } from "vitest";
import type { Servers } from "./global.ts";

export type { Servers } from "./global.ts";

export const servers = (): Servers => inject("servers");

const noStore = { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } };

/** A client as a browser has it, signed in as nobody. */
export const anonymousClient = (): SupabaseClient =>
  createClient(servers().supabaseUrl, servers().publishableKey, noStore);

/** A client with the secret key. */
export const serviceClient = (): SupabaseClient => createClient(servers().supabaseUrl, servers().secretKey, noStore);

export interface TestUser {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  /** As supabase-js holds it, signed in as this user. */
  readonly client: SupabaseClient;
}

/** Signs a new user up through the real sign-up. */
export async function signUp(email = `${randomUUID()}@example.com`): Promise<TestUser> {
  const client = anonymousClient();
  const password = `pw-${randomUUID()}`;
  const { data, error } = await client.auth.signUp({ email, password });
  if (error || !data.user || !data.session) throw error ?? new Error("The sign-up gave no session");
  return { id: data.user.id, email, password, token: data.session.access_token, client };
}

/** The URI of the shared MongoDB server with another database, for a file that needs one for itself. */
export function mongoUriFor(database: string): string {
  const url = new URL(servers().mongoUri);
  url.pathname = `/${database}`;
  return url.toString();
}
