/**
 * The typed client for web pages: `hc` of Hono with the types of the API, and the access token of supabase-js. Only
 * types of the server are imported, so none of its code is in the bundle. What the server was too busy for is tried again
 * where that is safe (retry.ts says when); of all other answers, status and `code` say what to do.
 *
 *   const api = createSwitchyardClient({ url: "https://app.example", supabase });
 *   const answer = await api.expenses.$get({ query: { sort: "-date" } });
 *   if (answer.status === 200) console.log((await answer.json()).items);
 */
import { hc } from "hono/client";
import type { AppType } from "../api/_app.ts";
import { type RetryOptions, retryingFetch } from "./retry.ts";

/** As much of a supabase-js client as is needed. */
interface SupabaseSession {
  auth: { getSession(): Promise<{ data: { session: { access_token: string } | null } }> };
}

export interface SwitchyardClientOptions {
  /** origin of the API, without /api */
  url: string;
  /** the page's supabase-js client: each call sends its current token, refreshed when it has expired */
  supabase?: SupabaseSession;
  /** the token, from anywhere else; null sends none */
  getToken?: () => Promise<string | null> | string | null;
  fetch?: typeof fetch;
  /** how requests that are answered 503 or 429 are tried again; false: not at all */
  retry?: RetryOptions | false;
}

export function createSwitchyardClient({ url, supabase, getToken, fetch, retry = {} }: SwitchyardClientOptions) {
  // the global one is looked up when it is called: pages put theirs in its place
  const send: typeof globalThis.fetch = fetch ?? ((input, init) => globalThis.fetch(input, init));
  const client = hc<AppType>(url.replace(/\/+$/, ""), {
    fetch: retry === false ? send : retryingFetch(send, retry),
    headers: async (): Promise<Record<string, string>> => {
      const token = getToken ? await getToken() : (await supabase?.auth.getSession())?.data.session?.access_token;
      return token ? { authorization: `Bearer ${token}` } : {};
    },
  });
  return client.api;
}

export type SwitchyardClient = ReturnType<typeof createSwitchyardClient>;
