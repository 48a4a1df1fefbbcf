/**
 * Who is signed in, by Supabase Auth. One client for the page, made when it is first needed: where Auth is and with which
 * key is what the API says in `/api/config`.
 */
import { signal } from "@preact/signals";
import { AuthClient, isAuthRetryableFetchError, type Session } from "@supabase/auth-js";
import { pageConfig } from "./config.ts";
import { emptyAddress, refillAddress } from "./landed.ts";
import { returnToPlace } from "./place-before.ts";

/** A browser waits for a silent server for as long as its connection stands. A sign-up on a slow machine takes seconds. */
const AUTH_MS = 30_000;

/** `undefined` until it is known, `null` while nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);

type Auth = InstanceType<typeof AuthClient>;
let client: Promise<Auth> | undefined;

/** The client of Auth. Rejects while the API cannot be reached, and tries again when it is asked again. */
export function auth(): Promise<Auth> {
  client ??= createAuth().catch((error) => {
    client = undefined;
    throw error;
  });
  return client;
}

/** The present access token, refreshed when it has expired; null: nobody is signed in. */
export async function accessToken(): Promise<string | null> {
  const { data } = await (await auth()).getSession();
  return data.session?.access_token ?? null;
}

/** Resolves with what there is to say to whom it was refused, and null when they are signed in. */
export async function signIn(email: string, password: string): Promise<string | null> {
  const { error } = await (await auth()).signInWithPassword({ email, password });
  return error ? saidByAuth(error) : null;
}

/** What went wrong, in a sentence for the person who waits: of Auth, or of what stands between here and there. */
export function saidByAuth(error: unknown): string {
  if (isAuthRetryableFetchError(error) && error.status === 0)
    return "Sign-in cannot be reached just now. Please try again in a moment.";
  return error instanceof Error ? error.message : String(error);
}

/** Ends this session only; also where Auth cannot be reached: then it is forgotten here. */
export async function signOut(): Promise<void> {
  await (await auth()).signOut({ scope: "local" });
}

async function createAuth(): Promise<Auth> {
  const { supabaseUrl, supabaseKey } = await pageConfig();
  const made = new AuthClient({
    url: `${supabaseUrl}/auth/v1`,
    // such a key is no token, and has no place in `Authorization`
    headers: { apikey: supabaseKey },
    storageKey: "switchyard-session",
    autoRefreshToken: true,
    persistSession: true,
    detectSessionInUrl: (_, { access_token, error, error_description, error_code }) => {
      if (access_token) emptyAddress();
      return Boolean(access_token || error || error_description || error_code);
    },
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        signal: AbortSignal.any([...(init?.signal ? [init.signal] : []), AbortSignal.timeout(AUTH_MS)]),
      }),
  });
  void made.initialize().then(({ error }) => {
    if (isAuthRetryableFetchError(error)) refillAddress();
  });
  made.onAuthStateChange((_, found) => {
    returnToPlace();
    session.value = found;
  });
  return made;
}
