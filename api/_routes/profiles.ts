/** `/profile`: how a user is shown to the others, who read it at `/profiles/{userId}`. */
import { createRoute, type z as openapi } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { sharedCollections } from "../../shared/collections/index.ts";
import { notFound, unavailable } from "../../shared/contract/errors.ts";
import { DEFAULT_SORT } from "../../shared/contract/query.ts";
import type { CreateOf, RecordOf } from "../../shared/definition/define.ts";
import type { ReadPlace } from "../../shared/placement/service.ts";
import { body, json, problems, sourceHeaders } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { pathId } from "../_parameters.ts";
import { repositoryProblem } from "../_problem.ts";
import { repositoryOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const { profiles } = sharedCollections;
type Profile = RecordOf<typeof profiles>;

/** A user as the others see them. */
export const shownSchema = z
  .object({ user_id: z.uuid(), name: z.string(), image_url: z.string().nullable() })
  .meta({ id: "Shown" });

const profile = profiles.schemas.record as openapi.ZodType<Profile, Profile>;
type Written = Omit<CreateOf<typeof profiles>, "id">;
const written = z
  .strictObject({
    name: profiles.fields.name.schema,
    image_url: (profiles.fields.image_url.schema as z.ZodType<string | null>)
      .nullable()
      .overwrite((value) => (value === "" ? null : value))
      .optional()
      .default(null),
  })
  .meta({ id: "ProfilePut" }) as unknown as openapi.ZodType<Written, Written>;

const common = { tags: ["profiles"], security: [{ bearer: [] }], middleware: requireUser };
const routes = {
  own: createRoute({
    ...common,
    method: "get",
    path: "/profile",
    summary: "Read one's own profile",
    responses: { 200: json(profile, "the profile", sourceHeaders), ...problems(401, 403, 404, 503) },
  }),
  put: createRoute({
    ...common,
    middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody],
    method: "put",
    path: "/profile",
    summary: "Make one's own profile, or put another in its place: every user who is signed in can read it",
    request: { body: body(written) },
    responses: { 200: json(profile, "as it is now"), ...problems(400, 401, 403, 413, 415, 422, 503, 507) },
  }),
  others: createRoute({
    ...common,
    method: "get",
    path: "/profiles/{userId}",
    summary: "Read the profile of any user",
    request: { params: z.object({ userId: pathId("userId", "UUID of the user") }) },
    responses: { 200: json(profile, "the profile", sourceHeaders), ...problems(400, 401, 403, 404, 503) },
  }),
};

async function find(c: Context<AppEnv>, userId: string, reads?: ReadPlace): Promise<Profile | undefined> {
  const repository = await repositoryOf(c, profiles, undefined, reads);
  const page = await repository.list({ owners: [userId], filters: [], sort: DEFAULT_SORT, limit: 1 });
  return unwrap(page).items[0];
}

async function read(c: Context<AppEnv>, userId: string): Promise<Profile> {
  const found = await find(c, userId);
  if (found) return found;
  // a copy may not have it yet
  throw repositoryProblem(
    c.get("sources").source === "replica"
      ? unavailable("Supabase does not answer, and the copy that is read meanwhile has no such profile.")
      : notFound("There is no such profile."),
  );
}

/** Of two that make it at once, the second changes what the first has made. */
async function put(c: Context<AppEnv>, { name, image_url = null }: Written): Promise<Profile> {
  const repository = await repositoryOf(c, profiles, undefined, "primary");
  for (let tries = 0; ; tries++) {
    const found = await find(c, c.get("user").id, "primary");
    const answer = found
      ? await repository.update(found.id, { name, image_url })
      : await repository.create({ name, image_url });
    const isOther = answer.isErr() && ["duplicate", "not_found"].includes(answer.error.code);
    if (!isOther || tries === 3) return unwrap(answer);
  }
}

export const profileRoutes = () =>
  createRoutes()
    .openapi(routes.own, async (c) => c.json(await read(c, c.var.user.id), 200))
    .openapi(routes.put, async (c) => c.json(await put(c, c.req.valid("json")), 200))
    .openapi(routes.others, async (c) => c.json(await read(c, c.req.valid("param").userId), 200));
