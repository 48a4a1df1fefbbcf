/** Redis, and what rests on it: the cache, and counting against limits. All keys are a probe's own, and end by themselves. */
import { createCache } from "../../cache/create-cache.ts";
import { createMemoryShelf } from "../../cache/memory-shelf.ts";
import { createRedisShelf } from "../../cache/redis-shelf.ts";
import { createLimits } from "../../limits/limits.ts";
import { createRedis, type Redis } from "../../redis/connection.ts";
import { type Check, failure, pass, warning } from "./check.ts";
import type { Subject } from "./subject.ts";

const CONNECTION = "redis: connection";
const SCRIPTS = "redis: scripts";
const FIX =
  "Is it running, and is REDIS_URL right (rediss:// where it wants TLS)? It has to answer within 50 ms: have it in the region of the API.";
const TRIES = 20;
const SLOW_MS = 20;
const LIMIT = 3;
const TTL_SECONDS = 10;

/** The checks, and what closes the connection that they have opened. */
export function redisChecks(subject: Subject): { checks: Check[]; close(): Promise<void> } {
  const { config, log } = subject;
  const redis = config.REDIS_URL ? createRedis({ url: config.REDIS_URL, log }) : undefined;
  return {
    checks: [...(redis ? checksOf(redis) : [without(config)]), cacheCheck(subject, redis), limitCheck(subject, redis)],
    close: async () => redis?.close(),
  };
}

const without = ({ SINGLE_INSTANCE }: Subject["config"]): Check => ({
  name: CONNECTION,
  fix: FIX,
  run: async () =>
    SINGLE_INSTANCE === "1"
      ? pass("not configured, and not needed: there is one instance (SINGLE_INSTANCE=1)")
      : warning(
          "REDIS_URL is not set: nothing is cached, each instance counts requests alone, and a sign-out takes 2 s",
          "Set REDIS_URL where the API runs; or SINGLE_INSTANCE=1, where it is one process.",
        ),
});

function checksOf(redis: Redis): Check[] {
  return [
    {
      name: CONNECTION,
      fix: FIX,
      run: async () => {
        await redis.first();
        const times: number[] = [];
        for (let tries = 0; tries < TRIES; tries++) {
          const ms = await redis.ping();
          if (ms !== null) times.push(ms);
        }
        if (times.length === 0) return failure("does not answer", FIX);
        times.sort((one, other) => one - other);
        const median = times[Math.floor(times.length / 2)] ?? 0;
        const said = `answers ${times.length} of ${TRIES} pings, half of them within ${median.toFixed(1)} ms`;
        return times.length < TRIES || median > SLOW_MS
          ? warning(said, "Have it in the region of the API: what takes more than 50 ms goes without it.")
          : pass(said);
      },
    },
    {
      name: SCRIPTS,
      needs: [CONNECTION],
      fix: "Its user has to be allowed to run scripts (EVAL, EVALSHA): the cache and the limits are made of them.",
      run: async () => {
        const answer = await redis.run((client) => client.eval("return redis.call('TIME')", 0));
        return Array.isArray(answer) ? pass("run") : failure("run, and answer nonsense", "Is it a Redis?");
      },
    },
    {
      name: "redis: eviction",
      needs: [CONNECTION],
      fix: "Its user has to be allowed to ask for INFO.",
      run: async () => {
        const info = await redis.run((client) => client.info("memory"));
        const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
        if (policy === "noeviction") return pass("none (noeviction)");
        return warning(
          policy
            ? `when it is full it forgets what it was told (${policy}), sign-outs among it`
            : "it does not say what it does when it is full",
          "Set maxmemory-policy to noeviction: when it is full, the API then goes on without it.",
        );
      },
    },
  ];
}

/** As a reader meets it: what was remembered, then a write, then the next read. */
function cacheCheck({ config }: Subject, redis: Redis | undefined): Check {
  return {
    name: "cache: a write is in the next read",
    needs: [CONNECTION, SCRIPTS],
    fix: FIX,
    run: async () => {
      if (!redis && config.SINGLE_INSTANCE !== "1") return pass("nothing is cached without Redis");
      const shelf = redis ? createRedisShelf(redis) : createMemoryShelf(Date.now);
      const cache = createCache({ shelf, kind: redis ? "redis" : "memory" });
      const scope = `doctor:${crypto.randomUUID()}`;
      let stored = "old";
      const read = () => cache.getOrCompute({ scope, name: "probe" }, async () => stored, TTL_SECONDS);
      await read();
      const remembered = await read();
      await cache.writing([scope], async () => {
        stored = "new";
      });
      const next = await read();
      if (next.value !== "new")
        return failure(
          "an old answer was given after a write",
          "Two of this program share that Redis with different versions: flush it.",
        );
      return remembered.from === "cache"
        ? pass("remembers, and forgets with a write")
        : warning(
            "answers are right, and nothing is remembered",
            "Another instance may be writing past the cache, or Redis is too slow (50 ms): see its latency.",
          );
    },
  };
}

function limitCheck({ log }: Subject, redis: Redis | undefined): Check {
  return {
    name: "limits: count, and refuse",
    needs: [CONNECTION, SCRIPTS],
    fix: FIX,
    run: async () => {
      const settings = { reads: LIMIT, writes: null, admin: null, export: null, address: null };
      const limits = createLimits({ settings, redis, isAlone: true, log });
      const who = `doctor:${crypto.randomUUID()}`;
      const over: boolean[] = [];
      for (let taken = 0; taken <= LIMIT; taken++) over.push((await limits.take("reads", who))?.isOver ?? false);
      const isRight = over.every((isOver, at) => isOver === at >= LIMIT);
      const where =
        limits.stats().countedAlone > 0 ? "in memory, Redis did not answer" : redis ? "in Redis" : "in memory";
      return isRight
        ? pass(`${LIMIT} of ${LIMIT + 1} were let through, counted ${where}`)
        : failure(`of ${LIMIT + 1} with a limit of ${LIMIT}, refused were: ${over.join(", ")}`, FIX);
    },
  };
}
