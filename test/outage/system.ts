/** Both databases, each behind a proxy that can fail, and instances of the API in front of them. */
import { randomUUID } from "node:crypto";
import { newKeys } from "../../scripts/dev/keys.ts";
import { type RunningSupabase, startSupabase } from "../../scripts/dev/supabase.ts";
import { startProxy, type TcpProxy } from "../failure/proxy.ts";
import { startSupabaseProxy } from "../failure/supabase-proxy.ts";
import { prepareForTests } from "../setup/prepare.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";
import { type Instance, startInstance } from "./instance.ts";
import { mongoUriFor, servers } from "./servers.ts";
import { scaled, scaledDeadlines, slowness } from "./speed.ts";

export const HOMES: readonly Home[] = ["supabase", "mongodb"];
export const otherThan = (home: Home): Home => (home === "supabase" ? "mongodb" : "supabase");

export interface OutageSystem {
  readonly supabase: RunningSupabase;
  /** with which Auth signs its calls of the hook */
  readonly hookSecret: string;
  /** of the MongoDB database of this system, past its proxy */
  readonly mongoUri: string;
  readonly proxies: Record<Home, TcpProxy>;
  /** A new instance, which has asked nothing of anyone yet; `more` are further variables. */
  instance(more?: Readonly<Record<string, string>>): Promise<Instance>;
  user(home: Home, appMetadata?: Record<string, unknown>): Promise<TestUser>;
  stop(): Promise<void>;
}

/** `functions`: with the edge functions, and so with the hook before sign-ups. */
export async function startOutageSystem({ functions = false } = {}): Promise<OutageSystem> {
  const { dbUrl, adminDbUrl, path } = servers();
  const mongoUri = mongoUriFor(`outage_${randomUUID().slice(0, 8)}`);
  const { jwtSecret, hookSecret } = newKeys();
  const supabase = await startSupabase({
    port: 0,
    jwtSecret,
    hookSecret,
    dbUrl,
    adminDbUrl,
    functions,
    passwordCost: 4,
    slowness,
    functionsEnv: { ...scaledDeadlines, MONGODB_URI: mongoUri },
  });
  await prepareForTests(supabase, mongoUri);
  const slowMs = scaled(2_000);
  const directUrl = path === "direct" ? dbUrl : "";
  const proxies = {
    supabase: await startSupabaseProxy({ url: supabase.url, directUrl }, slowMs),
    mongodb: await startProxy(mongoUri, slowMs),
  };
  const proxied = new URL(mongoUri);
  proxied.host = `127.0.0.1:${proxies.mongodb.port}`;
  proxied.searchParams.set("directConnection", "true");
  const instances: Instance[] = [];
  return {
    supabase,
    hookSecret,
    mongoUri,
    proxies,
    async instance(more = {}) {
      const instance = await startInstance({
        ...proxies.supabase.environment(),
        SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
        SUPABASE_SECRET_KEY: supabase.secretKey,
        SUPABASE_JWT_SECRET: supabase.jwtSecret,
        SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
        MONGODB_URI: proxied.href,
        ...more,
      });
      instances.push(instance);
      return instance;
    },
    user: (home, appMetadata = {}) => newUser({ home, on: supabase, appMetadata }),
    async stop() {
      for (const instance of instances) await instance.stop();
      for (const proxy of Object.values(proxies)) await proxy.stop();
      await supabase.stop();
    },
  };
}
