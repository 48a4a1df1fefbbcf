/** What each request to the API costs in database calls, as they are seen on the wire of both databases. */
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { createLog } from "../../shared/log.ts";
import { createRouter } from "../../shared/placement/router.ts";
import { startProxy } from "../failure/proxy.ts";
import { startSupabaseProxy } from "../failure/supabase-proxy.ts";
import type { TestUser } from "../setup/users.ts";

interface Keys extends Pick<RunningSupabase, "url" | "publishableKey" | "secretKey" | "jwtSecret" | "jwtIssuer"> {
  /** of its Postgres, where the API speaks to that directly */
  directUrl?: string;
}

export interface CountedApi {
  /** Every request of a collection's life, with the calls that it took; all of them succeed. */
  countFor(user: TestUser): Promise<Record<string, Calls>>;
  stop(): Promise<void>;
}
export interface Calls {
  supabase: string[];
  mongodb: string[];
}

/** The API before the two databases, each behind a proxy that reads what passes. */
export async function startCountedApi(supabase: Keys, mongoUri: string): Promise<CountedApi> {
  const proxies = { supabase: await startSupabaseProxy(supabase), mongodb: await startProxy(mongoUri) };
  const mongo = Object.assign(new URL(mongoUri), { host: `127.0.0.1:${proxies.mongodb.port}` });
  mongo.searchParams.set("directConnection", "true");
  const config = loadApiConfig({
    ...proxies.supabase.environment(),
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_JWT_SECRET: supabase.jwtSecret,
    SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
    MONGODB_URI: mongo.href,
  });
  const log = createLog({ level: "silent" });
  // time stands still: what is read again every few seconds, however many requests there are, is counted once
  const now = Date.now();
  const router = createRouter({ config, collections: allCollections, log, clock: () => now });
  const app = createApp(() => ({ config, log, router, verify: createVerifier(config), clock: Date.now }));

  return {
    async countFor({ jwt }) {
      const seen = { supabase: 0, mongodb: 0 };
      const since = (): Calls => {
        const part = (name: keyof Calls) => proxies[name].calls.slice(seen[name]);
        const calls = { supabase: part("supabase"), mongodb: part("mongodb") };
        for (const name of ["supabase", "mongodb"] as const) seen[name] = proxies[name].calls.length;
        return calls;
      };
      const send = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
        const answer = await app.request(`/api/${path}`, {
          method,
          headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json", ...headers },
          ...(body && { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
        return answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
      };
      // an instance's first request also reads the list of users that were deleted, its first write in MongoDB what they have
      await send("GET", "contacts");
      await send("POST", "contacts", { name: "Ada" });
      since();
      const counted: Record<string, Calls> = {};
      const count = async (what: string, ...request: Parameters<typeof send>) => {
        const answer = await send(...request);
        counted[what] = since();
        return answer;
      };
      const contact = await count("create", "POST", "contacts", { name: "Mina" }, { "idempotency-key": "one" });
      const category = await send("POST", "categories", { name: "Food", kind: "expense" });
      const loan = { contact_id: contact.id, direction: "lent", amount: "1", currency: "EUR", date: "2026-01-01" };
      since();
      const lent = await count("create with a reference", "POST", "loans", loan);
      const spent = { amount: "1", currency: "EUR", date: "2026-01-01" };
      const expense = await count("create without the reference", "POST", "expenses", spent);
      await count("get", "GET", `contacts/${contact.id}`);
      await count("list", "GET", "contacts?limit=20&q=min&sort=-name");
      await count("count", "GET", "contacts/count?name=Mina");
      await count("summary", "GET", "expenses/summary?by=month");
      await count("export", "GET", "contacts/export.csv");
      const condition = { "if-match": `"${contact.version}"` };
      await count("update", "PATCH", `contacts/${contact.id}`, { name: "Nina" }, condition);
      await count("update that sets a reference", "PATCH", `expenses/${expense.id}`, { category_id: category.id });
      await count("delete", "DELETE", `loans/${lent.id}`);
      await count("delete where others may refer", "DELETE", `contacts/${contact.id}`);
      return counted;
    },
    async stop() {
      await router.close();
      for (const proxy of Object.values(proxies)) await proxy.stop();
    },
  };
}
