/** `/servers/{id}/channels`: the rooms of a server. */
import { createRoute, type z as openapi } from "@hono/zod-openapi";
import type { Context } from "hono";
import { uuidv7 } from "uuidv7";
import { z } from "zod";
import { sharedCollections } from "../../shared/collections/index.ts";
import type { RecordOf } from "../../shared/definition/define.ts";
import { joinedOne, SERVERS } from "../../shared/rooms/joined.ts";
import { body, json, locationHeaders, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { pageOf, pageSchema } from "../_page.ts";
import { idempotencyHeader, pageParameters, pathId } from "../_parameters.ts";
import { repeatOf } from "../_repeat.ts";
import { callRooms, type KnownRooms, shownBy } from "../_rooms.ts";
import { requestUser, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const { channels } = sharedCollections;
type Channel = Omit<RecordOf<typeof channels>, "version">;
const shape = {
  id: z.uuid(),
  server_id: z.uuid(),
  name: z.string(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
};
const channel = z
  .object(shape)
  .meta({ id: "Channel", description: "its messages are at /rooms/{id}/messages" }) as unknown as openapi.ZodType<
  Channel,
  Channel
>;
const shown = shownBy<Channel>(shape);
const named = z.strictObject({ name: channels.fields.name.schema }).meta({ id: "ChannelName" });

const server = z.object({ id: pathId("id", "UUID of the server") });
const one = server.extend({ channelId: pathId("channelId", "UUID of the channel") });
const common = { tags: ["servers"], security: [{ bearer: [] }], middleware: requireUser };
const withBody = { ...common, middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody] };
const [ALL, ONE] = ["/{id}/channels", "/{id}/channels/{channelId}"] as const;

const routes = {
  list: createRoute({
    ...common,
    method: "get",
    path: ALL,
    summary: "List the channels of a server that one is in",
    request: { params: server, query: pageParameters },
    responses: { 200: json(pageSchema(channel), "one page"), ...problems(400, 401, 403, 404, 503) },
  }),
  make: createRoute({
    ...withBody,
    method: "post",
    path: ALL,
    summary: "Make a channel in one's own server",
    request: { params: server, headers: idempotencyHeader, body: body(named) },
    responses: {
      201: json(channel, "made, or made by an earlier try with this Idempotency-Key", locationHeaders),
      ...problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 503, 507),
    },
  }),
  rename: createRoute({
    ...withBody,
    method: "patch",
    path: ONE,
    summary: "Rename a channel of one's own server",
    request: { params: one, body: body(named) },
    responses: { 200: json(channel, "as it is now"), ...problems(400, 401, 403, 404, 413, 415, 422, 503, 507) },
  }),
  remove: createRoute({
    ...common,
    method: "delete",
    path: ONE,
    summary: "Delete a channel of one's own server, with all that was said in it",
    request: { params: one },
    responses: { 204: { description: "deleted" }, ...problems(400, 401, 403, 404, 503, 507) },
  }),
};

export function channelRoutes(rooms: KnownRooms) {
  const open = async (c: Context<AppEnv>, scope: string) =>
    unwrap(await c.get("dependencies").router.repository(channels, { ...requestUser(c), scope }));
  return createRoutes()
    .openapi(routes.list, async (c) => {
      const page = pageOf(c);
      const { id } = c.req.valid("param");
      const { items, next_cursor } = unwrap(await (await open(c, id)).list(page));
      // a server may have none
      if (items.length === 0) unwrap(await joinedOne(c.var.dependencies.router, requestUser(c), SERVERS, id));
      return c.json({ items: items.map(shown), next_cursor }, 200);
    })
    .openapi(routes.make, async (c) => {
      const { id } = c.req.valid("param");
      const made = c.req.valid("json");
      const path = `/api/servers/${id}/channels`;
      const repeat = await repeatOf(c, path, made as object);
      const channelId = repeat?.id ?? uuidv7();
      const p_hash = repeat?.idempotencyHash ?? null;
      const channelToMake = { p_server_id: id, p_name: made.name, p_id: channelId, p_hash };
      return c.json(shown(await callRooms<object>(c, "make_channel", channelToMake)), 201, {
        location: `/api/rooms/${channelId}/messages`,
      });
    })
    .openapi(routes.rename, async (c) => {
      const { id, channelId } = c.req.valid("param");
      const { name } = c.req.valid("json");
      const renamed = { p_server_id: id, p_channel_id: channelId, p_name: name };
      return c.json(shown(await callRooms<object>(c, "rename_channel", renamed)), 200);
    })
    .openapi(routes.remove, async (c) => {
      const { id, channelId } = c.req.valid("param");
      await callRooms(c, "delete_channel", { p_server_id: id, p_channel_id: channelId });
      rooms(c).forget(channelId);
      return c.body(null, 204);
    });
}
