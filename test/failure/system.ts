/** A router in front of a Supabase and a MongoDB, each behind a proxy that can fail. */
import { expect } from "vitest";
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { categories } from "../../shared/collections/categories.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { createLog } from "../../shared/log.ts";
import { createRouter, type Router, type RouterOptions } from "../../shared/placement/router.ts";
import type { RequestUser } from "../../shared/placement/service.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, mintToken, newUser, type TestUser } from "../setup/users.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";
import { TooSlow } from "./scale.ts";
import { startSupabaseProxy } from "./supabase-proxy.ts";

/** One serverless function: a router, and the API in front of it. */
export interface Instance {
  readonly router: Router;
  /** of its log, so far */
  readonly lines: string[];
  /** sends the API a request of that user */
  request(
    path: string,
    user: TestUser,
    init?: { method?: string; body?: string; headers?: Record<string, string> },
  ): Promise<Response>;
  /** files a record, reads it again: the first error, or "done" */
  use(user: TestUser, over?: Partial<RequestUser>): Promise<string>;
  /** the same, of a user whose database is there: throws `TooSlow` when the deadline was over before */
  served(user: TestUser): Promise<void>;
}

export interface FailingSystem {
  supabase: RunningSupabase;
  /** the way to MongoDB that does not fail */
  mongo: string;
  proxies: Record<Home, TcpProxy>;
  /** An instance that has asked nothing yet; its requests end after so long, and its looks for a server or a connection of MongoDB's. */
  instance(deadlineMs: number, connectMs?: number, over?: InstanceOptions): Instance;
  user(home: Home, appMetadata?: Record<string, unknown>): Promise<TestUser>;
  tokenOf(user: { id: string; email: string; home?: Home }): Promise<string>;
  stop(): Promise<void>;
}

interface InstanceOptions extends Pick<RouterOptions, "replicate"> {
  /** instead of what leads it through the proxies */
  environment?: Readonly<Record<string, string>>;
}

export interface FailingSystemOptions {
  /** the application's own unless given; beside them, what a test has made tables of itself */
  collections?: readonly Collection[];
  supabase?: TestSupabase;
}

export async function startFailingSystem(options: FailingSystemOptions = {}): Promise<FailingSystem> {
  const { collections = allCollections, supabase = await startTestSupabase() } = options;
  const mongo = await preparedMongo("failure");
  const mongoUri = new URL(mongo);
  const proxies = { supabase: await startSupabaseProxy(supabase), mongodb: await startProxy(mongoUri.href) };
  mongoUri.host = `127.0.0.1:${proxies.mongodb.port}`;
  mongoUri.searchParams.set("directConnection", "true");
  const environment = {
    ...proxies.supabase.environment(),
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    SUPABASE_JWT_SECRET: supabase.jwtSecret,
    SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
    MONGODB_URI: mongoUri.href,
  };
  const routers: Router[] = [];
  return {
    supabase,
    mongo,
    proxies,
    instance(deadlineMs, connectMs = deadlineMs, over = {}) {
      const config = loadApiConfig({
        ...environment,
        ...over.environment,
        REQUEST_DEADLINE_MS: String(deadlineMs),
        DATABASE_CONNECT_MS: String(connectMs),
      });
      const lines: string[] = [];
      const log = createLog({ level: "debug", write: (line) => lines.push(line) });
      const router = createRouter({ config, collections, log, ...(over.replicate && { replicate: over.replicate }) });
      routers.push(router);
      const dependencies = { config, router, verify: createVerifier(config), log, clock: Date.now };
      const app = createApp(() => dependencies, collections);
      const use: Instance["use"] = async ({ id, jwt, home }, over = {}) => {
        const service = await router.getDatabaseServiceForUser({ id, jwt, home, ...over });
        if (service.isErr()) return service.error.code;
        const repository = service.value.repository(categories);
        const created = await repository.create({ name: "Food", kind: "expense" });
        if (created.isErr()) return created.error.code;
        const read = await repository.get(created.value.id);
        return read.isErr() ? read.error.code : "done";
      };
      return {
        router,
        lines,
        request: async (path, { jwt }, { headers, ...init } = {}) =>
          app.request(path, { ...init, headers: { authorization: `Bearer ${jwt}`, ...headers } }),
        use,
        async served(user) {
          const signal = AbortSignal.timeout(deadlineMs);
          const answer = await use(user, { signal });
          if (answer !== "done" && signal.aborted) throw new TooSlow();
          expect(answer).toBe("done");
        },
      };
    },
    user: (home, appMetadata = {}) => newUser({ home, on: supabase, appMetadata }),
    tokenOf: (user) => mintToken(supabase, user),
    async stop() {
      for (const each of routers) await each.close();
      for (const proxy of Object.values(proxies)) await proxy.stop();
      await supabase.stop();
    },
  };
}
