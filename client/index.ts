/**
 * The typed client for web pages: `hc` of Hono with the types of the API, and the access token of supabase-js. Only
 * types of the server are imported, so none of its code is in the bundle. It retries nothing: the answer's status and
 * `code` say what to do.
 *
 *   const api = createSwitchyardClient({ url: "https://app.example", supabase });
 *   const answer = await api.expenses.$get({ query: { sort: "-date" } });
 *   if (answer.status === 200) console.log((await answer.json()).items);
 */
import { hc } from "hono/client";
import type { AppType } from "../api/_app.ts";

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
}

export function createSwitchyardClient({ url, supabase, getToken, fetch }: SwitchyardClientOptions) {
  const client = hc<AppType>(url.replace(/\/+$/, ""), {
    ...(fetch && { fetch }),
    headers: async (): Promise<Record<string, string>> => {
      const token = getToken ? await getToken() : (await supabase?.auth.getSession())?.data.session?.access_token;
      return token ? { authorization: `Bearer ${token}` } : {};
    },
  });
  return client.api;
}

export type SwitchyardClient = ReturnType<typeof createSwitchyardClient>;
