/** What an instance of the API holds and how it fares: for admins, of the one instance that answers. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { LIMIT_NAMES } from "../../shared/limits/settings.ts";
import { ENGINES } from "../../shared/repository/database.ts";
import { json, problems } from "../_answers.ts";
import { redisHealth } from "../_health.ts";
import { requireUser } from "../_middleware.ts";
import { requireViewer } from "../_operators.ts";
import { createRoutes } from "../_validation.ts";

const count = z.int().min(0);
const pool = z
  .object({ open: count, busy: count, waiting: count.meta({ description: "callers without a connection" }) })
  .meta({ id: "Pool" });
const behind = z
  .object({
    queued: count.meta({ description: "that wait, or are under way" }),
    written: count,
    dropped: count.meta({ description: "the queue was full, or MongoDB did not take them" }),
  })
  .meta({ id: "WrittenBehind" });
const infrastructureSchema = z
  .object({
    databases: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(ENGINES),
        breaker: z.enum(["closed", "open"]).meta({ description: "open: its calls are refused without being sent" }),
        pool: pool.nullable().meta({ description: "null: nothing is connected, or calls go over REST" }),
      }),
    ),
    redis: z
      .object({ connected: z.boolean(), latencyMs: z.number().nullable(), breaker: z.enum(["closed", "open"]) })
      .optional()
      .meta({ description: "absent: not configured" }),
    cache: z.object({
      kind: z.enum(["memory", "redis", "none"]),
      hits: count,
      misses: count,
      bypassed: count.meta({
        description: "answered without it: somebody wrote, or it could not be trusted or reached",
      }),
      hit_rate: z.number().nullable().meta({ description: "of all answers; null: none yet" }),
    }),
    limits: z
      .object({
        kind: z.enum(["memory", "redis"]),
        refused: z.record(z.enum(LIMIT_NAMES), count).meta({ description: "requests, by the limit that they hit" }),
        counted_alone: count.meta({ description: "in memory, because Redis did not answer" }),
      })
      .nullable(),
    logs: behind.nullable().meta({ description: "warnings and errors kept in MongoDB; null: not configured" }),
    activity: behind.nullable().meta({ description: "what users did, noted in MongoDB; null: not configured" }),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: "Infrastructure" });

const infrastructure = createRoute({
  method: "get",
  path: "/infrastructure",
  tags: ["admin"],
  summary: "Pools, breakers, cache, limits and what is written behind answers, of the instance that answers",
  security: [{ bearer: [] }],
  middleware: [requireUser, requireViewer] as const,
  responses: { 200: json(infrastructureSchema, "since the instance started"), ...problems(401, 403, 503) },
});

export const infrastructureRoutes = () =>
  createRoutes().openapi(infrastructure, async (c) => {
    const { router, redis, cache, limits, pools, logs, activity, clock } = c.var.dependencies;
    const connected = new Map(pools?.all().map(({ database, ...counts }) => [database, counts]));
    const { hits, misses, bypassed, kind } = cache.stats();
    const all = hits + misses + bypassed;
    const told = limits?.stats();
    const breaker = (isOpen: boolean) => (isOpen ? ("open" as const) : ("closed" as const));
    const found = redis && (await redisHealth(redis));
    return c.json(
      {
        databases: router.getBreakers().map(({ name, kind: engine, isOpen }) => ({
          ...{ name, kind: engine, breaker: breaker(isOpen) },
          pool: connected.get(name) ?? null,
        })),
        ...(found && {
          redis: { connected: found.connected, latencyMs: found.latencyMs, breaker: breaker(redis.isAway()) },
        }),
        cache: { kind, hits, misses, bypassed, hit_rate: all === 0 ? null : hits / all },
        limits: told ? { kind: told.kind, refused: told.refused, counted_alone: told.countedAlone } : null,
        logs: logs?.stats() ?? null,
        activity: activity?.stats() ?? null,
        timestamp: new Date(clock()).toISOString(),
      },
      200,
    );
  });
