/** The account, the configuration that web pages need, health, and the admins' numbers. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { mayLeave } from "../../shared/ledger/balances.ts";
import { ENGINES } from "../../shared/repository/database.ts";
import { json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { redisHealth, shortHealth, withRedis } from "../_health.ts";
import { homeOf } from "../_home.ts";
import { requireFreshSignIn, requireUser } from "../_middleware.ts";
import { requireViewer } from "../_operators.ts";
import { callsOf, leftOf, serviceOf, timingOf, unwrap, usageOf } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const home = z.string().meta({ description: "the database that holds the user's records", examples: ["supabase"] });
const homeKind = z.enum(ENGINES).nullable().meta({ description: "what kind of database; null: not known here" });
const homeSince = z.iso
  .datetime()
  .nullable()
  .meta({ description: "null while Supabase, which assigns homes, does not say" });

const limit = z.int().nullable().meta({ description: "null: no limit" });
const usage = z
  .object({
    records: z.int(),
    bytes: z.int().meta({ description: "as the user's database counts them" }),
    quota: z.object({ records: limit, bytes: limit }),
  })
  .nullable()
  .meta({ id: "Usage", description: "what the user keeps and may keep; null while their database does not say" });

const me = createRoute({
  method: "get",
  path: "/me",
  tags: ["account"],
  summary: "Who is signed in, and where their records live",
  security: [{ bearer: [] }],
  middleware: requireUser,
  responses: {
    200: json(
      z
        .object({ id: z.uuid(), email: z.string().nullable(), home, home_kind: homeKind, home_since: homeSince, usage })
        .meta({ id: "Me" }),
      "the user",
    ),
    ...problems(401, 409, 503),
  },
});

const deleteMe = createRoute({
  method: "delete",
  path: "/me",
  tags: ["account"],
  summary: "Delete the account and everything in it",
  description:
    "Wants a sign-in of the last 10 minutes: 403 `fresh_sign_in_required` without. 409 `balance_open` while there is money in an account of the ledger, or held.",
  security: [{ bearer: [] }],
  middleware: [requireUser, requireFreshSignIn] as const,
  responses: {
    204: { description: "deleted; the records are purged at once where they can be" },
    ...problems(401, 403, 409, 503),
  },
});

const config = createRoute({
  method: "get",
  path: "/config",
  tags: ["system"],
  summary: "What a web page needs to sign users in",
  responses: {
    200: json(
      z
        .object({
          supabaseUrl: z.string(),
          supabaseKey: z.string(),
          mailboxUrl: z
            .string()
            .optional()
            .meta({ description: "where a development system shows the mail it caught" }),
        })
        .meta({ id: "Config" }),
      "public",
    ),
  },
});

const databaseHealth = z
  .object({
    connected: z.boolean(),
    latencyMs: z.number().nullable(),
    error: z.string().nullable(),
    state: z
      .enum(["storage_full", "throttled"])
      .optional()
      .meta({ description: "it answers, and takes no writes, or fewer: new users get another home" }),
  })
  .meta({ id: "DatabaseHealth" });
const homeHealth = databaseHealth.extend({ name: z.string(), kind: z.enum(ENGINES) }).meta({ id: "HomeHealth" });
const healthSchema = z
  .object({
    status: z.enum(["healthy", "degraded", "unhealthy"]),
    databases: z.object({
      mongodb: databaseHealth.nullable().meta({ description: "null: not configured" }),
      postgresql: databaseHealth,
      timestamp: z.string(),
    }),
    homes: z.array(homeHealth).meta({ description: "every database that is configured, or that users may live in" }),
    message: z.string(),
    redis: z
      .object({ connected: z.boolean(), latencyMs: z.number().nullable(), error: z.string().nullable() })
      .optional()
      .meta({ id: "RedisHealth", description: "absent: not configured. Its loss is `degraded`" }),
  })
  .meta({ id: "Health" });
const health = createRoute({
  method: "get",
  path: "/health",
  tags: ["system"],
  summary: "Whether the databases answer",
  responses: {
    200: json(healthSchema, "healthy, or degraded: one of the databases is down"),
    503: json(healthSchema, "unhealthy: no database answers"),
  },
});

const unknown = <T extends z.ZodType>(schema: T) =>
  schema.nullable().meta({ description: "null: cannot be known now" });
const databaseState = z
  .object({
    connected: z.boolean(),
    totalUsers: unknown(z.int()),
    collections: z.record(z.string(), z.int().nullable()),
    error: z.string().nullable(),
  })
  .meta({ id: "DatabaseState" });
const homeState = databaseState
  .extend({
    name: z.string(),
    kind: z.enum(ENGINES),
    accepting: unknown(z.boolean()),
    estimated: z.record(z.string(), z.string().nullable()).meta({
      description:
        "collections whose number is an estimate, because it is above 100,000, and of when it is; null: nobody knows",
    }),
    bytes: unknown(z.int()),
    capacity_bytes: z.int().nullable().meta({ description: "what its provider gives; null: not known" }),
  })
  .meta({ id: "HomeState" });
const statistics = createRoute({
  method: "get",
  path: "/admin/database-stats",
  tags: ["admin"],
  summary: "Who lives where, and how much each database holds",
  security: [{ bearer: [] }],
  middleware: [requireUser, requireViewer] as const,
  responses: {
    200: json(
      z
        .object({
          userDistribution: z.object({ mongodb: unknown(z.int()), supabase: unknown(z.int()) }),
          totalUsers: unknown(z.int()),
          mongodb: databaseState,
          supabase: databaseState,
          homes: z.array(homeState).meta({ description: "every database that has a row or is configured" }),
          timestamp: z.string(),
        })
        .meta({ id: "DatabaseStats" }),
      "within 3 s, also while a database is down",
    ),
    ...problems(401, 403, 503),
  },
});

/** `GET /health`: 503 when no database answers. */
export async function shortHealthRoute(c: Context<AppEnv>): Promise<Response> {
  const { router, redis } = c.get("dependencies");
  const [health, redisIs] = await Promise.all([router.getHealth(timingOf(c)), redis && redisHealth(redis)]);
  return c.json(shortHealth(health, redisIs), health.status === "unhealthy" ? 503 : 200);
}

export const systemRoutes = () =>
  createRoutes()
    .openapi(me, async (c) => {
      const { id, email } = c.var.user;
      const { database } = await serviceOf(c);
      const [counted, { kind, since }] = await Promise.all([usageOf(c), homeOf(c, database)]);
      const usage = counted && {
        records: counted.records,
        bytes: counted.bytes,
        quota: { records: counted.quota_records, bytes: counted.quota_bytes },
      };
      return c.json({ id, email, home: database, home_kind: kind, home_since: since, usage }, 200);
    })
    .openapi(deleteMe, async (c) => {
      // a trigger sees to it, too, but Auth would not say why it could not
      unwrap(await mayLeave(c.var.dependencies.router, c.var.user.id, callsOf(c)));
      unwrap(await c.var.dependencies.router.deleteUser(c.var.user.id, callsOf(c)));
      return c.body(null, 204);
    })
    .openapi(config, (c) => {
      const { config } = c.var.dependencies;
      const supabaseUrl = config.SUPABASE_PUBLIC_URL ?? config.SUPABASE_URL;
      const mailbox = config.SUPABASE_MAILBOX_URL && { mailboxUrl: config.SUPABASE_MAILBOX_URL };
      return c.json({ supabaseUrl, supabaseKey: config.SUPABASE_PUBLISHABLE_KEY, ...mailbox }, 200);
    })
    .openapi(health, (async (c: Context<AppEnv>) => {
      const { router, redis } = c.var.dependencies;
      const [health, redisIs] = await Promise.all([router.getHealth(timingOf(c)), redis && redisHealth(redis)]);
      const found = redisIs ? withRedis(health, redisIs) : health;
      return c.json(found, found.status === "unhealthy" ? 503 : 200);
      // two statuses with one body are beyond the types of the handler
    }) as never)
    .openapi(statistics, async (c) => {
      // with what comes before and after, the answer is there within 3 s, if a request may take 2.5
      const { statisticsMs } = deadlinesOf(c.var.dependencies.config);
      const limits = { limitMs: leftOf(c, statisticsMs), onCall: timingOf(c) };
      return c.json(await c.var.dependencies.router.getDatabaseStats(limits), 200);
    });
