/** What a user is shown first: `/users/me` and `/dashboard`, from both databases. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { createOverview, type Dashboard, type Me } from "../../shared/overview/overview.ts";
import { json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { accountSchema, inUtc, type Typed, transferSchema } from "../_ledger.ts";
import { requireUser } from "../_middleware.ts";
import { requestUser, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { preferencesSchema } from "./preferences.ts";

const me = z.object({
  id: z.uuid(),
  profile: z
    .object({ name: z.string(), image_url: z.string().nullable() })
    .nullable()
    .meta({ description: "null: none, or it could not be read" }),
  balances: z.array(accountSchema),
  preferences: preferencesSchema.nullable().meta({ description: "null: they could not be read" }),
  degraded: z
    .array(z.enum(["profile", "preferences", "spending", "home"]))
    .meta({ description: "what could not be read; never the money: without the ledger there is a 503" }),
  as_of: z.iso.datetime().meta({ description: "when it was read; up to 300 s ago where nothing was written since" }),
});
const meSchema = me.meta({ id: "UserOverview" }) as unknown as Typed<Me>;
const dashboardSchema = me
  .extend({
    transfers: z.array(transferSchema).meta({ description: "the newest first, at most 10" }),
    spending: z
      .array(z.object({ currency: z.string(), sum: z.string(), count: z.int() }))
      .nullable()
      .meta({ description: "expenses of this calendar month (UTC), by currency" }),
    home: z
      .object({ database: z.string().nullable(), records: z.int(), bytes: z.int() })
      .nullable()
      .meta({ description: "what the user keeps, and where" }),
  })
  .meta({ id: "Dashboard" }) as unknown as Typed<Dashboard>;

const common = { method: "get" as const, tags: ["account"], security: [{ bearer: [] }], middleware: requireUser };
const routes = {
  me: createRoute({
    ...common,
    path: "/users/me",
    summary: "One's profile, balances and preferences",
    responses: { 200: json(meSchema, "of both databases"), ...problems(401, 409, 503) },
  }),
  dashboard: createRoute({
    ...common,
    path: "/dashboard",
    summary: "That, and recent transfers, this month's spending, and what one keeps",
    responses: { 200: json(dashboardSchema, "of both databases"), ...problems(401, 409, 503) },
  }),
};

const overviewOf = (c: Context<AppEnv>) => createOverview(c.get("dependencies"));
const shown = <T extends Me>(answer: T): T => ({ ...answer, balances: answer.balances.map(inUtc) });

export const overviewRoutes = () =>
  createRoutes()
    .openapi(routes.me, async (c) => c.json(shown(unwrap(await overviewOf(c).getUserById(requestUser(c)))), 200))
    .openapi(routes.dashboard, async (c) => {
      const found = shown(unwrap(await overviewOf(c).getStats(requestUser(c))));
      return c.json({ ...found, transfers: found.transfers.map(inUtc) }, 200);
    });
