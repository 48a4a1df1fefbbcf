/** `/servers`: places with channels, which one joins by their invite code. */
import { createRoute, type z as openapi } from "@hono/zod-openapi";
import { uuidv7 } from "uuidv7";
import { z } from "zod";
import { sharedCollections } from "../../shared/collections/index.ts";
import { notFound } from "../../shared/contract/errors.ts";
import { defineCollection, home, owner } from "../../shared/definition/define.ts";
import { name, optional, url } from "../../shared/definition/fields.ts";
import { joinedBy, joinedOne, peopleIn, SERVERS } from "../../shared/rooms/joined.ts";
import { body, json, locationHeaders, problems } from "../_answers.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { pageOf, pageSchema } from "../_page.ts";
import { idempotencyHeader, pageParameters, pathId } from "../_parameters.ts";
import { repositoryProblem } from "../_problem.ts";
import { repeatOf } from "../_repeat.ts";
import { callRooms, type KnownRooms, shownBy } from "../_rooms.ts";
import { requestUser, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { personSchema } from "./person.ts";

type Typed<T> = openapi.ZodType<T, T>;

/** Of a server what its owner writes. */
const written = defineCollection({
  name: sharedCollections.servers.name,
  title: "server to make",
  placement: home(),
  scope: owner(),
  fields: { name: name(), image_url: optional(url()) },
}).schemas;
type Make = { name: string; image_url?: string | null | undefined };
const { id: _id, ...making } = (written.create as unknown as z.ZodObject).shape;
const makeSchema = z.strictObject(making).meta({ id: "ServerMake" }) as unknown as Typed<Make>;
const changeSchema = z
  .strictObject({
    ...(written.patch as unknown as z.ZodObject).shape,
    renew_invite_code: z.boolean().optional().meta({ description: "true: the old code lets nobody in any more" }),
  })
  .meta({ id: "ServerChange" }) as unknown as Typed<Partial<Make> & { renew_invite_code?: boolean | undefined }>;
const joinSchema = z.strictObject({ invite_code: z.string().min(1).max(64) }).meta({ id: "ServerJoin" });

interface Server {
  id: string;
  name: string;
  image_url: string | null;
  owner_id: string;
  invite_code: string;
  created_at: string;
  updated_at: string;
}
const shape = {
  id: z.uuid(),
  name: z.string(),
  image_url: z.string().nullable(),
  owner_id: z.uuid(),
  invite_code: z.string().meta({ description: "whoever has it may join" }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
};
const server = z.object(shape).meta({ id: "Server" }) as unknown as Typed<Server>;
const joinedShape = { ...shape, joined_at: z.iso.datetime() };
const joined = z.object(joinedShape).meta({ id: "JoinedServer" }) as unknown as Typed<Server & { joined_at: string }>;
const shown = shownBy<Server>(shape);
const shownJoined = shownBy<Server & { joined_at: string }>(joinedShape);

const one = z.object({ id: pathId("id", "UUID of the server") });
const member = one.extend({ userId: pathId("userId", "UUID of the user") });
const common = { tags: ["servers"], security: [{ bearer: [] }], middleware: requireUser };
const withBody = { ...common, middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody] };

const routes = {
  list: createRoute({
    ...common,
    method: "get",
    path: "/",
    summary: "List the servers that one is in, the one that one joined last first",
    request: { query: pageParameters },
    responses: { 200: json(pageSchema(joined), "one page"), ...problems(400, 401, 403, 503) },
  }),
  make: createRoute({
    ...withBody,
    method: "post",
    path: "/",
    summary: "Make a server, with a channel `general`",
    request: { body: body(makeSchema), headers: idempotencyHeader },
    responses: {
      201: json(server, "made, or made by an earlier try with this Idempotency-Key", locationHeaders),
      ...problems(400, 401, 403, 409, 410, 413, 415, 422, 503, 507),
    },
  }),
  join: createRoute({
    ...withBody,
    method: "post",
    path: "/join",
    summary: "Join the server with that invite code",
    request: { body: body(joinSchema) },
    responses: {
      200: json(server, "the server; whoever is in it already stays"),
      ...problems(400, 401, 403, 404, 413, 415, 422, 503, 507),
    },
  }),
  get: createRoute({
    ...common,
    method: "get",
    path: "/{id}",
    summary: "Read a server that one is in",
    request: { params: one },
    responses: { 200: json(server, "the server"), ...problems(400, 401, 403, 404, 503) },
  }),
  change: createRoute({
    ...withBody,
    method: "patch",
    path: "/{id}",
    summary: "Change one's own server",
    request: { params: one, body: body(changeSchema) },
    responses: {
      200: json(server, "as it is now"),
      ...problems(400, 401, 403, 404, 413, 415, 422, 503, 507),
    },
  }),
  remove: createRoute({
    ...common,
    method: "delete",
    path: "/{id}",
    summary: "Delete one's own server, with its channels and all that was said in them",
    request: { params: one },
    responses: { 204: { description: "deleted" }, ...problems(400, 401, 403, 404, 503, 507) },
  }),
  people: createRoute({
    ...common,
    method: "get",
    path: "/{id}/members",
    summary: "List who is in a server, the last to come first",
    request: { params: one, query: pageParameters },
    responses: { 200: json(pageSchema(personSchema), "one page"), ...problems(400, 401, 403, 404, 503) },
  }),
  leave: createRoute({
    ...common,
    method: "delete",
    path: "/{id}/members/{userId}",
    summary: "Leave a server, or, as its owner, remove somebody; the owner stays",
    request: { params: member },
    responses: { 204: { description: "not in it any more" }, ...problems(400, 401, 403, 404, 503, 507) },
  }),
};

export function serverRoutes(rooms: KnownRooms) {
  const joining = createRoutes().openapi(routes.join, async (c) => {
    const { invite_code } = c.req.valid("json");
    return c.json(shown(await callRooms<object>(c, "join_server", { p_invite_code: invite_code })), 200);
  });
  // another method of that path is not taken, and it is no server's id
  joining.all(routes.join.path, (c) => c.notFound());
  return joining
    .openapi(routes.list, async (c) => {
      const page = pageOf(c);
      const found = unwrap(await joinedBy(c.var.dependencies.router, requestUser(c), SERVERS, page));
      return c.json({ items: found.items.map(shownJoined), next_cursor: found.next_cursor }, 200);
    })
    .openapi(routes.make, async (c) => {
      const made = c.req.valid("json");
      const repeat = await repeatOf(c, "/api/servers", made as object);
      const id = repeat?.id ?? uuidv7();
      const row = await callRooms<object>(c, "make_server", {
        p_name: made.name,
        p_image_url: made.image_url ?? null,
        p_id: id,
        p_hash: repeat?.idempotencyHash ?? null,
      });
      return c.json(shown(row), 201, { location: `/api/servers/${id}` });
    })
    .openapi(routes.get, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(shown(unwrap(await joinedOne(c.var.dependencies.router, requestUser(c), SERVERS, id))), 200);
    })
    .openapi(routes.change, async (c) => {
      const { id } = c.req.valid("param");
      const changes = { p_server_id: id, p_changes: c.req.valid("json") };
      return c.json(shown(await callRooms<object>(c, "change_server", changes)), 200);
    })
    .openapi(routes.remove, async (c) => {
      await callRooms(c, "delete_server", { p_server_id: c.req.valid("param").id });
      rooms(c).forgetChannels();
      return c.body(null, 204);
    })
    .openapi(routes.people, async (c) => {
      const page = pageOf(c);
      const { id } = c.req.valid("param");
      const found = unwrap(await peopleIn(c.var.dependencies.router, requestUser(c), SERVERS, id, page));
      // somebody is in every server: whoever is shown nobody is in none of that id
      if (found.items.length === 0 && page.cursor === undefined)
        throw repositoryProblem(notFound("There is no such server."));
      return c.json(found, 200);
    })
    .openapi(routes.leave, async (c) => {
      const { id, userId } = c.req.valid("param");
      await callRooms(c, "leave_server", { p_server_id: id, p_who: userId });
      rooms(c).forgetChannels();
      return c.body(null, 204);
    });
}
