/** A router in front of a Supabase and a MongoDB, each behind a proxy that can fail. */
import { randomUUID } from "node:crypto";
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { categories } from "../../shared/collections/categories.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { createLog } from "../../shared/log.ts";
import { createRouter, type Router, type RouterOptions } from "../../shared/placement/router.ts";
import type { RequestUser } from "../../shared/placement/service.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, mintToken, newUser, type TestUser } from "../setup/users.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";

export interface FailingSystem {
  supabase: RunningSupabase;
  proxies: Record<Home, TcpProxy>;
  router: Router;
  /** log lines of the router */
  lines: string[];
  /** an instance of its own, as another serverless function is */
  anotherRouter(options?: Pick<RouterOptions, "probeMs">): Router;
  /** the API in front of another router: sends it a request of that user */
  anotherApi(): (path: string, user: TestUser) => Promise<Response>;
  user(home: Home, appMetadata?: Record<string, unknown>): Promise<TestUser>;
  tokenOf(user: { id: string; email: string; home?: Home }): Promise<string>;
  /** files a record, reads it again: the first error, or "done" */
  use(user: TestUser, over?: Partial<RequestUser>): Promise<string>;
  stop(): Promise<void>;
}

/** Short, so that tests of servers that hang take no longer than they must. */
const DEADLINE_MS = 600;

export async function startFailingSystem(): Promise<FailingSystem> {
  const supabase = await startTestSupabase();
  const mongoUri = new URL(mongoUriFor(`failure_${randomUUID().slice(0, 8)}`));
  const proxies = { supabase: await startProxy(supabase.url), mongodb: await startProxy(mongoUri.href) };
  mongoUri.host = `127.0.0.1:${proxies.mongodb.port}`;
  mongoUri.searchParams.set("directConnection", "true");
  const config = loadApiConfig({
    SUPABASE_URL: `http://127.0.0.1:${proxies.supabase.port}`,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    SUPABASE_JWT_SECRET: supabase.jwtSecret,
    SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
    MONGODB_URI: mongoUri.href,
  });
  const lines: string[] = [];
  const log = createLog({ level: "debug", write: (line) => lines.push(line) });
  const routers: Router[] = [];
  const anotherRouter: FailingSystem["anotherRouter"] = (options) => {
    const router = createRouter({ config, collections: allCollections, log, ...options });
    routers.push(router);
    return router;
  };
  const router = anotherRouter();
  return {
    supabase,
    proxies,
    router,
    lines,
    anotherRouter,
    anotherApi() {
      const dependencies = { config, router: anotherRouter(), verify: createVerifier(config), log, clock: Date.now };
      const app = createApp(() => dependencies);
      return async (path, { jwt }) => app.request(path, { headers: { authorization: `Bearer ${jwt}` } });
    },
    user: (home, appMetadata = {}) => newUser({ home, on: supabase, appMetadata }),
    tokenOf: (user) => mintToken(supabase, user),
    async use({ id, jwt, home }, over = {}) {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      const service = await router.getDatabaseServiceForUser({ id, jwt, home, signal, ...over });
      if (service.isErr()) return service.error.code;
      const repository = service.value.repository(categories);
      const created = await repository.create({ name: "Food", kind: "expense" });
      if (created.isErr()) return created.error.code;
      const read = await repository.get(created.value.id);
      return read.isErr() ? read.error.code : "done";
    },
    async stop() {
      for (const each of routers) await each.close();
      for (const proxy of Object.values(proxies)) await proxy.stop();
      await supabase.stop();
    },
  };
}
