/**
 * Counting requests against their limits: in Redis, where all instances count together and a limit holds exactly; in memory
 * otherwise, where each instance counts by itself, so that n of them let n times as much through. While Redis does not answer
 * it is memory, too, and from nothing: an outage of Redis refuses nobody, and lifts no limit by more than the number of
 * instances.
 */
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { Log } from "../log.ts";
import { type Redis, RedisAway } from "../redis/connection.ts";
import { LIMIT_NAMES, type LimitName, type LimitSettings, WINDOW_SECONDS } from "./settings.ts";

export interface Count {
  readonly name: LimitName;
  /** in a window of `WINDOW_SECONDS` */
  readonly limit: number;
  readonly remaining: number;
  /** until the window ends */
  readonly resetSeconds: number;
  readonly isOver: boolean;
}

interface LimitStats {
  readonly kind: "memory" | "redis";
  /** requests refused by this instance, by limit */
  readonly refused: Readonly<Record<LimitName, number>>;
  /** counted in memory because Redis did not answer */
  readonly countedAlone: number;
}

export interface Limits {
  /** Counts one request; undefined where there is no limit. Never rejects. */
  take(name: LimitName, who: string): Promise<Count | undefined>;
  stats(): LimitStats;
}

export interface LimitsOptions {
  settings: LimitSettings;
  /** none: in memory */
  redis?: Redis | undefined;
  /** there is no other instance that counts, too */
  isAlone?: boolean;
  log: Log;
}

export function createLimits({ settings, redis, isAlone = false, log }: LimitsOptions): Limits {
  const optionsOf = (name: LimitName, points: number) => ({
    points,
    duration: WINDOW_SECONDS,
    keyPrefix: `sw:limit:${name}`,
  });
  const alone = new Map<LimitName, RateLimiterAbstract>();
  const together = new Map<LimitName, RateLimiterRedis>();
  for (const name of LIMIT_NAMES) {
    const points = settings[name];
    if (points !== null) alone.set(name, new RateLimiterMemory(optionsOf(name, points)));
  }
  if (!redis && !isAlone && alone.size > 0)
    log.warn("limits_in_memory", { reason: "REDIS_URL is not set: each instance counts alone" });
  const refused = Object.fromEntries(LIMIT_NAMES.map((name) => [name, 0])) as Record<LimitName, number>;
  let countedAlone = 0;

  const count = async (name: LimitName, points: number, who: string): Promise<RateLimiterRes | undefined> => {
    if (redis)
      try {
        return await redis.run((storeClient) => {
          const limiter = together.get(name) ?? new RateLimiterRedis({ storeClient, ...optionsOf(name, points) });
          together.set(name, limiter);
          return consume(limiter, who);
        });
      } catch (error) {
        if (!(error instanceof RedisAway)) throw error;
        countedAlone += 1;
      }
    const limiter = alone.get(name);
    return limiter && consume(limiter, who);
  };

  return {
    async take(name, who) {
      const limit = settings[name];
      if (limit === null) return undefined;
      const counted = await count(name, limit, who);
      if (!counted) return undefined;
      const isOver = counted.consumedPoints > limit;
      if (isOver) refused[name] += 1;
      return {
        name,
        limit,
        remaining: counted.remainingPoints,
        resetSeconds: Math.max(1, Math.ceil(counted.msBeforeNext / 1_000)),
        isOver,
      };
    },
    stats: () => ({ kind: redis ? "redis" : "memory", refused: { ...refused }, countedAlone }),
  };
}

/** The library rejects with the count when the limit is over. */
const consume = (limiter: RateLimiterAbstract, who: string): Promise<RateLimiterRes> =>
  limiter.consume(who).catch((refusal) => {
    if (refusal instanceof RateLimiterRes) return refusal;
    throw refusal;
  });
