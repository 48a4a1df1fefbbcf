/** `/admin/databases`: which databases there are, how they fare, and who of them takes users. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { setDatabase } from "../../shared/operations/databases.ts";
import { createAssignments, type DatabaseRow, type DatabaseSettings } from "../../shared/placement/assignment.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { ENGINES, type Engine } from "../../shared/repository/database.ts";
import { changing, count, instant, looking, reason, reasonHeader, rehearsalQuery, utcOrNull } from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import type { Typed } from "../_ledger.ts";
import { callsOf, leftOf, timingOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

interface Row {
  kind: Engine;
  site: number | null;
  accepting: boolean | null;
  weight: number | null;
  capacity_users: number | null;
  capacity_bytes: number | null;
  full_at_percent: number | null;
  user_count: number | null;
  bytes: number | null;
  sized_at: string | null;
}
interface Shown extends Row {
  name: string;
  health: {
    connected: boolean;
    latency_ms: number | null;
    error: string | null;
    state: "ok" | "down" | "storage_full" | "throttled";
    probed_at: string;
  };
}
const known = "null: the control plane does not say now";
const databaseSchema = z
  .object({
    name: z.string(),
    kind: z.enum(ENGINES),
    site: z.int().nullable(),
    accepting: z
      .boolean()
      .nullable()
      .meta({ description: `whether new users may get it; ${known}` }),
    weight: z.number().nullable(),
    capacity_users: count.nullable().meta({ description: "null: no limit" }),
    capacity_bytes: count.nullable().meta({ description: "what its provider gives; null: not known" }),
    full_at_percent: z.number().nullable().meta({ description: "from so much of it on, new users get another home" }),
    user_count: count.nullable().meta({ description: known }),
    bytes: count.nullable().meta({ description: "of the last sample" }),
    sized_at: instant.nullable().meta({ description: "when that was taken" }),
    health: z.object({
      connected: z.boolean(),
      latency_ms: z.number().nullable(),
      error: z.string().nullable(),
      state: z.enum(["ok", "down", "storage_full", "throttled"]),
      probed_at: instant,
    }),
  })
  .meta({ id: "AdminDatabase" }) as unknown as Typed<Shown>;
interface Listed {
  items: Shown[];
  missing: string[];
}
const listSchema = z.object({
  items: z.array(databaseSchema),
  missing: z.array(z.string()).meta({ description: "names of databases that do not answer: what they say is null" }),
}) as unknown as Typed<Listed>;

interface Changes {
  accepting?: boolean;
  weight?: number;
  capacity_users?: number | null;
  capacity_bytes?: number | null;
  full_at_percent?: number;
  reason: string;
}
const changesBody = z
  .strictObject({
    accepting: z.boolean().optional(),
    weight: z.number().positive().max(999_999_999).optional(),
    capacity_users: z.int().min(0).max(999_999_999_999).nullable().optional().meta({ description: "null: no limit" }),
    capacity_bytes: z.int().min(1).nullable().optional().meta({ description: "null: not known" }),
    full_at_percent: z.number().positive().max(100).optional(),
    reason,
  })
  .refine(({ reason: _, ...settings }) => Object.keys(settings).length > 0, { message: "Say what to change." })
  .meta({ id: "DatabaseChanges" }) as unknown as Typed<Changes>;
interface Changed {
  database: Omit<Shown, "health">;
  takes_sign_ups: boolean;
}
const { health: _, ...settingsShape } = (databaseSchema as unknown as z.ZodObject<z.ZodRawShape>).shape;
const changedSchema = z
  .object({
    database: z.object(settingsShape).meta({ id: "DatabaseSettings" }),
    takes_sign_ups: z.boolean().meta({ description: "whether any database takes new users by then" }),
  })
  .meta({ id: "ChangedDatabase" }) as unknown as Typed<Changed>;

const routes = {
  list: createRoute({
    ...looking,
    path: "/admin/databases",
    summary: "Every database that can be a home, its settings, and how it fares",
    responses: { 200: json(listSchema, "also while one of them is down"), ...problems(401, 403, 503) },
  }),
  change: createRoute({
    ...changing,
    method: "patch",
    path: "/admin/databases/{name}",
    summary: "Change whether new users get this home, and how many of them",
    request: {
      params: z.object({
        name: z
          .string()
          .regex(/^[a-z][a-z0-9_]{0,40}$/)
          .meta({ param: { name: "name", in: "path" } }),
      }),
      query: rehearsalQuery,
      body: body(changesBody),
      headers: reasonHeader,
    },
    responses: {
      200: json(changedSchema, "as it is now; with dry_run=true: as it would be"),
      ...problems(400, 401, 403, 413, 415, 422, 503),
    },
  }),
};

const settingsOf = (name: string, row: DatabaseRow): Omit<Shown, "health"> => ({
  name,
  kind: row.kind,
  site: row.site,
  accepting: row.accepting,
  weight: Number(row.weight),
  capacity_users: row.capacity_users,
  capacity_bytes: row.capacity_bytes,
  full_at_percent: Number(row.full_at_percent),
  user_count: row.user_count,
  bytes: row.bytes,
  sized_at: utcOrNull(row.sized_at),
});
const unknownOf = (name: string, kind: Engine): Omit<Shown, "health"> => ({
  ...{ name, kind, site: null, accepting: null, weight: null, capacity_users: null, capacity_bytes: null },
  ...{ full_at_percent: null, user_count: null, bytes: null, sized_at: null },
});

async function listed(c: Context<AppEnv>): Promise<Listed> {
  const { router, clock } = c.var.dependencies;
  const [rows, health] = await Promise.all([
    router.control<DatabaseRow[]>("read", "switchyard_databases", {}, callsOf(c)),
    router.getHealth(timingOf(c)),
  ]);
  const probed_at = new Date(clock()).toISOString();
  const row = new Map(rows.unwrapOr([]).map((each) => [each.name, each]));
  const items = health.homes.map(({ name, kind, connected, latencyMs, error, state }): Shown => {
    const found = row.get(name);
    row.delete(name);
    const fares = state ?? (connected ? "ok" : "down");
    return {
      ...(found ? settingsOf(name, found) : unknownOf(name, kind)),
      health: { connected, latency_ms: latencyMs, error, state: fares, probed_at },
    };
  });
  // on the list, and nobody has ever been there
  for (const [name, each] of row)
    items.push({
      ...settingsOf(name, each),
      health: { connected: false, latency_ms: null, error: "It is not configured here.", state: "down", probed_at },
    });
  return { items, missing: items.flatMap(({ name, health: { connected } }) => (connected ? [] : [name])) };
}

const wantedOf = (changes: Changes): DatabaseSettings => ({
  accepting: changes.accepting,
  weight: changes.weight,
  capacityUsers: changes.capacity_users,
  capacityBytes: changes.capacity_bytes,
  fullAtPercent: changes.full_at_percent,
});

export const adminDatabaseRoutes = () =>
  createRoutes()
    .openapi(routes.list, async (c) => c.json(await listed(c), 200))
    .openapi(routes.change, async (c) => {
      const { config, clock } = c.var.dependencies;
      const { name } = c.req.valid("param");
      const { reason: _why, ...changes } = c.req.valid("json");
      const service = serviceClient(config, { timeoutMs: leftOf(c, deadlinesOf(config).requestMs) });
      const control = createAssignments(service);
      const start = clock();
      const isRehearsal = c.req.valid("query").dry_run === "true";
      // a change of nothing names the database that there is not, and answers with the row
      const row = unwrap(await setDatabase(control, name, isRehearsal ? {} : wantedOf({ ...changes, reason: "" })));
      const all = unwrap(await control.databases());
      timingOf(c)("supabase", clock() - start, "rest");
      const database = { ...settingsOf(name, row), ...(isRehearsal ? changes : {}) };
      const takes_sign_ups = all.some((each) => (each.name === name ? database.accepting : each.accepting));
      return c.json({ database, takes_sign_ups }, 200);
    });
