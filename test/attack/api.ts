/** The API as one instance of it runs, on databases that a test names. */
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import { changesStaleMs, createSharedParts } from "../../api/_shared-parts.ts";
import type { Cache } from "../../shared/cache/cache.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { type Environment, loadApiConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createLogKeeper } from "../../shared/operations/keep-logs.ts";
import type { Activity } from "../../shared/overview/activity.ts";
import { createPools } from "../../shared/placement/pools.ts";
import { createRouter } from "../../shared/placement/router.ts";
import { judgeOf } from "../integration/api-document.ts";
import { pathVariables } from "../setup/path.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import type { UserServer } from "../setup/users.ts";
import { type Operation, operationsOf } from "./operations.ts";

export interface ApiInstance {
  readonly app: ReturnType<typeof createApp>;
  readonly operations: readonly Operation[];
  /** throws when the document does not describe an answer */
  readonly judge: ReturnType<typeof judgeOf>;
  readonly lines: string[];
  /** as its routes have it */
  readonly cache: Cache;
  /** what users did, as it notes them */
  readonly activity: Activity | undefined;
  /** what is done behind answers is done */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface ApiOptions {
  readonly on: UserServer;
  readonly mongoUri: string;
  readonly clock?: () => number;
  /** how old lists are */
  readonly ageClock?: () => number;
  /** instead of the edge function */
  readonly replicate?: () => Promise<unknown>;
  /** further variables */
  readonly more?: Environment;
}

export async function startApi({
  on,
  mongoUri,
  clock = Date.now,
  ageClock,
  replicate,
  more = {},
}: ApiOptions): Promise<ApiInstance> {
  const lines: string[] = [];
  const config = loadApiConfig({
    SUPABASE_URL: on.url,
    SUPABASE_PUBLISHABLE_KEY: on.publishableKey,
    SUPABASE_SECRET_KEY: on.secretKey,
    SUPABASE_JWT_SECRET: on.jwtSecret,
    SUPABASE_JWT_ISSUER: on.jwtIssuer,
    MONGODB_URI: mongoUri,
    ...pathVariables(on),
    ...PATIENT_VARIABLES,
    RATE_LIMITS: "none",
    ...more,
  });
  const behind: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>) => void behind.push(work);
  const logs = createLogKeeper({ config, deadlines: deadlinesOf(config), appName: "test-api", waitUntil });
  const log = createLog({ level: "debug", write: (line) => lines.push(line), keep: logs?.keep });
  const pools = createPools();
  const router = createRouter({
    onPool: pools.onPool,
    ...{ config, collections: allCollections, log, clock },
    ...(ageClock && { ageClock }),
    changesStaleMs: changesStaleMs(config),
    ...(replicate && { replicate }),
  });
  const verify = createVerifier(config, clock);
  const shared = createSharedParts({ config, router, log, clock, waitUntil });
  const app = createApp(() => ({ config, log, logs, router, verify, clock, pools, ...shared }));
  const settled = async () => void (await Promise.allSettled(behind));
  const document = await (await app.request("/api/openapi.json")).json();
  return {
    app,
    operations: operationsOf(document),
    judge: judgeOf(document),
    lines,
    cache: shared.cache,
    activity: shared.activity,
    settled,
    async close() {
      await settled();
      await shared.redis?.close();
      await logs?.close();
      await router.close();
    },
  };
}
