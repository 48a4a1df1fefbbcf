/** What instances of the API share, by the configuration: Redis, and over it the cache, limits and sign-outs. */
import { type Cache, createNoCache } from "../shared/cache/cache.ts";
import { createCache } from "../shared/cache/create-cache.ts";
import { createMemoryShelf } from "../shared/cache/memory-shelf.ts";
import { createRedisShelf } from "../shared/cache/redis-shelf.ts";
import type { ApiConfig } from "../shared/config.ts";
import { deadlinesOf } from "../shared/deadlines.ts";
import { createLimits, type Limits } from "../shared/limits/limits.ts";
import type { Log } from "../shared/log.ts";
import { createMetrics } from "../shared/metrics/metrics.ts";
import { receiverIn } from "../shared/operations/alerts.ts";
import { createOutageTeller } from "../shared/operations/tell-outage.ts";
import { createActivity } from "../shared/overview/activity.ts";
import { createCachePeers } from "../shared/placement/cache-peers.ts";
import { CONTROL_PLANE } from "../shared/placement/database-names.ts";
import { deadlineIn } from "../shared/placement/deadline.ts";
import type { Router } from "../shared/placement/router.ts";
import { createSessions } from "../shared/placement/sessions.ts";
import { createRedis, type Redis } from "../shared/redis/connection.ts";
import type { Dependencies } from "./_environment.ts";

/** How long an instance may not have heard of what others do. An instance that is alone hears of its own at once. */
export const changesStaleMs = ({ SINGLE_INSTANCE }: ApiConfig): number => (SINGLE_INSTANCE === "1" ? 30_000 : 2_000);

export interface SharedPartsOptions {
  config: ApiConfig;
  router: Router;
  log: Log;
  clock: () => number;
  waitUntil?: (work: Promise<unknown>) => void;
}

export function createSharedParts(
  options: SharedPartsOptions,
): Required<Pick<Dependencies, "cache" | "limits" | "sessions" | "metrics">> &
  Pick<Dependencies, "redis" | "activity" | "outage"> {
  const { config, router, log, clock, waitUntil } = options;
  const redis = config.REDIS_URL ? createRedis({ url: config.REDIS_URL, log }) : undefined;
  const staleMs = changesStaleMs(config);
  const hasMongo = config.databases.some(({ name }) => name === "mongodb");
  const cache = cacheFor(options, redis);
  const limits = createLimits({ settings: config.RATE_LIMITS, redis, isAlone: config.SINGLE_INSTANCE === "1", log });
  const send = receiverIn(config);
  return {
    redis,
    outage:
      send && createOutageTeller({ subject: CONTROL_PLANE, isAway: () => isOpen(router), send, log, clock, waitUntil }),
    metrics: createMetrics({
      ask: (name, parameters, timeoutMs) => router.control("read", name, parameters, { signal: deadlineIn(timeoutMs) }),
      counters: () => countersOf(cache, limits),
      callMs: deadlinesOf(config).callMs,
      ...{ clock, waitUntil },
    }),
    activity: hasMongo ? createActivity({ router, deadlineMs: deadlinesOf(config).requestMs, waitUntil }) : undefined,
    cache,
    limits,
    sessions: createSessions({
      router,
      redis,
      isAlone: config.SINGLE_INSTANCE === "1",
      staleMs,
      tokenLifetimeSeconds: config.MAX_TOKEN_LIFETIME_SECONDS,
      clock,
      log,
      ...(waitUntil && { waitUntil }),
    }),
  };
}

const isOpen = (router: Router) => router.getBreakers().some(({ name, isOpen: is }) => name === CONTROL_PLANE && is);

/** What the cache and the limits have counted, as measures. */
const countersOf = (cache: Cache, limits: Limits) => {
  const { hits, misses, bypassed } = cache.stats();
  const answers = Object.entries({ hit: hits, miss: misses, bypassed });
  const refused = Object.entries(limits.stats().refused);
  return [
    ...answers.map(([result, count]) => ["cache", { result }, count] as const),
    ...refused.map(([limit, count]) => ["limited", { limit }, count] as const),
  ];
};

/** In memory only where nobody else writes: another instance would not hear of this one's writes. */
function cacheFor({ config, router, clock }: SharedPartsOptions, redis: Redis | undefined): Cache {
  const isAlone = config.SINGLE_INSTANCE === "1";
  if (!redis)
    return isAlone ? createCache({ shelf: createMemoryShelf(clock), kind: "memory", clock }) : createNoCache();
  const shelf = createRedisShelf(redis);
  // with nobody to tell, nothing is waited for
  if (isAlone) return createCache({ shelf, kind: "redis", clock });
  const peers = createCachePeers({ router, settleMs: changesStaleMs(config), clock });
  return createCache({ shelf, kind: "redis", peers, clock });
}
