/** How Redis is, beside the databases: whoever is without it is slower, and nothing else. */
import type { Health } from "../shared/placement/health.ts";
import type { Redis } from "../shared/redis/connection.ts";

export interface RedisHealth {
  connected: boolean;
  latencyMs: number | null;
  error: string | null;
}

const AWAY = "Redis does not answer: nothing is cached, and each instance counts requests alone.";

/** Asked now; a question waits for `COMMAND_MS` of redis/connection.ts at most. */
export async function redisHealth(redis: Redis): Promise<RedisHealth> {
  const latencyMs = await redis.ping();
  return { connected: latencyMs !== null, latencyMs, error: latencyMs === null ? AWAY : null };
}

export function withRedis<H extends Pick<Health, "status" | "message">>(health: H, redis: RedisHealth) {
  if (redis.error === null) return { ...health, redis };
  const isElse = health.status === "healthy";
  return {
    ...health,
    status: isElse ? ("degraded" as const) : health.status,
    message: isElse ? redis.error : `${health.message} ${redis.error}`,
    redis,
  };
}

const WORDS = { healthy: "OK", degraded: "DEGRADED", unhealthy: "DOWN" } as const;

/** What monitors of uptime ask for at `/health`, without a word of why. */
export function shortHealth({ status, databases }: Health, redis: RedisHealth | undefined) {
  const state = ({ connected }: { connected: boolean }) => ({ status: connected ? "connected" : "disconnected" });
  const { mongodb, postgresql, timestamp } = databases;
  const isDegraded = status === "healthy" && redis?.connected === false;
  return {
    status: WORDS[isDegraded ? "degraded" : status],
    databases: {
      postgresql: state(postgresql),
      ...(mongodb && { mongodb: state(mongodb) }),
      ...(redis && { redis: state(redis) }),
    },
    timestamp,
  };
}
