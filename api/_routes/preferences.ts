/** `/preferences`: what a user has set, in MongoDB wherever they are at home. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { mongoCollections } from "../../shared/collections/index.ts";
import {
  changePreferences,
  type Preferences,
  type PreferencesPatch,
  readPreferences,
} from "../../shared/overview/preferences.ts";
import { body, json, problems, recordHeaders } from "../_answers.ts";
import { etagOf, mayChangeBy, parseTags } from "../_conditions.ts";
import type { AppEnv } from "../_environment.ts";
import { exactBody } from "../_exact-body.ts";
import type { Typed } from "../_ledger.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { repositoryOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const { preferences } = mongoCollections;
export const preferencesSchema = preferences.schemas.record as unknown as Typed<Preferences>;

const isObject = (value: unknown) =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
const patch = z
  .strictObject({
    language: preferences.fields.language.schema.optional(),
    currency: preferences.fields.currency.schema.optional(),
    notifications: z.strictObject({ email: z.boolean(), in_app: z.boolean(), push: z.boolean() }).partial().optional(),
    metadata: z
      .unknown()
      .refine((value) => value === undefined || isObject(value), { message: "Give an object." })
      .meta({ type: "object", description: "merged into what is there (RFC 7396): null takes a member away" })
      .optional(),
  })
  .meta({ id: "PreferencesPatch" }) as unknown as Typed<PreferencesPatch>;

const common = { path: "/preferences" as const, tags: ["account"], security: [{ bearer: [] }] };
const routes = {
  get: createRoute({
    ...common,
    method: "get",
    summary: "Read one's preferences; the first time they are made from the defaults",
    middleware: requireUser,
    responses: {
      200: json(preferencesSchema, "the preferences", recordHeaders),
      304: { description: "they are as If-None-Match says" },
      ...problems(400, 401, 403, 503, 507),
    },
  }),
  change: createRoute({
    ...common,
    method: "patch",
    summary: "Change some of one's preferences; what is in objects is merged",
    middleware: [requireUser, requireBody, exactBody(preferences as never, "record")] as const,
    request: { body: body(patch) },
    responses: {
      200: json(preferencesSchema, "as they are now", recordHeaders),
      ...problems(400, 401, 403, 412, 413, 415, 422, 503, 507),
    },
  }),
};

const recordsOf = (c: Context<AppEnv>) => repositoryOf(c, preferences);

export const preferencesRoutes = () =>
  createRoutes()
    .openapi(routes.get, async (c) => {
      const known = parseTags("If-None-Match", c.req.header("if-none-match"));
      const found = unwrap(await readPreferences(await recordsOf(c)));
      const etag = etagOf(found);
      if (known === "*" || known?.some((tag) => tag.replace(/^W\//, "") === etag)) return c.body(null, 304, { etag });
      return c.json(found, 200, { etag });
    })
    .openapi(routes.change, async (c) => {
      const mayChange = mayChangeBy(c.req.header("if-match"));
      const changed = unwrap(await changePreferences(await recordsOf(c), c.req.valid("json"), mayChange));
      return c.json(changed, 200, { etag: etagOf(changed) });
    });
