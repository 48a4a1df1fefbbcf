/** `/rooms/{id}/messages`: what is said in a conversation or a channel, by those who are in it. */
import { createRoute, type z as openapi } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { invalid } from "../../shared/contract/errors.ts";
import { defineCollection, home, owner } from "../../shared/definition/define.ts";
import { optional, text, url } from "../../shared/definition/fields.ts";
import type { Room } from "../../shared/rooms/memberships.ts";
import { type Message, type Messages, messagesIn, type Said } from "../../shared/rooms/messages.ts";
import { body, createdHeaders, json, perhapsSourceHeaders, problems, recordHeaders } from "../_answers.ts";
import { etagOf, expectedVersion } from "../_conditions.ts";
import type { AppEnv } from "../_environment.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { pageOf, pageSchema } from "../_page.ts";
import { idempotencyHeader, ifMatchHeader, pageParameters, pathId } from "../_parameters.ts";
import { repositoryProblem } from "../_problem.ts";
import { repeatOf } from "../_repeat.ts";
import { type KnownRooms, roomOf } from "../_rooms.ts";
import { requestUser, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { shownSchema } from "./profiles.ts";

/** Of a message what its author writes. */
const written = defineCollection({
  name: "messages",
  title: "message",
  placement: home(),
  scope: owner(),
  fields: { content: optional(text(4_000)), file_url: optional(url()) },
}).schemas;

const message = z
  .object({
    id: z.uuid(),
    room_id: z.uuid(),
    sender_id: z.uuid(),
    content: z.string().nullable(),
    file_url: z.string().nullable(),
    edited_at: z.iso.datetime().nullable().meta({ description: "null: never changed" }),
    is_deleted: z.boolean().meta({ description: "it keeps its place and says nothing any more" }),
    version: z.int(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    author: shownSchema
      .nullable()
      .meta({ description: "null for a sender without a profile, and while profiles cannot be read" }),
  })
  .meta({ id: "RoomMessage" }) as unknown as openapi.ZodType<Message, Message>;

const room = z.object({ id: pathId("id", "UUID of a conversation or a channel") });
const one = room.extend({ messageId: pathId("messageId", "UUID of the message") });
const common = { tags: ["rooms"], security: [{ bearer: [] }], middleware: requireUser };
const withBody = { ...common, middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody] };
const [ALL, ONE] = ["/{id}/messages", "/{id}/messages/{messageId}"] as const;

const routes = {
  list: createRoute({
    ...common,
    method: "get",
    path: ALL,
    summary: "Read a room, newest first",
    request: { params: room, query: pageParameters },
    responses: {
      200: json(pageSchema(message), "one page", perhapsSourceHeaders),
      ...problems(400, 401, 403, 404, 503),
    },
  }),
  post: createRoute({
    ...withBody,
    method: "post",
    path: ALL,
    summary: "Post a message: a text, the address of a file, or both",
    request: { params: room, headers: idempotencyHeader, body: body(written.create) },
    responses: {
      201: json(message, "posted, or posted by an earlier try with this Idempotency-Key", createdHeaders),
      ...problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 503, 507),
    },
  }),
  get: createRoute({
    ...common,
    method: "get",
    path: ONE,
    summary: "Read a message",
    request: { params: one },
    responses: {
      200: json(message, "the message", recordHeaders.extend(perhapsSourceHeaders.shape)),
      ...problems(400, 401, 403, 404, 503),
    },
  }),
  edit: createRoute({
    ...withBody,
    method: "patch",
    path: ONE,
    summary: "Change a message of one's own; it keeps its place",
    request: { params: one, headers: ifMatchHeader, body: body(written.patch) },
    responses: {
      200: json(message, "as it is now", recordHeaders),
      ...problems(400, 401, 403, 404, 410, 412, 413, 415, 422, 503, 507),
    },
  }),
  remove: createRoute({
    ...common,
    method: "delete",
    path: ONE,
    summary: "Delete a message of one's own; its place stays, with `is_deleted`",
    request: { params: one, headers: ifMatchHeader },
    responses: { 204: { description: "it says nothing any more" }, ...problems(400, 401, 403, 404, 412, 503, 507) },
  }),
};

export function messageRoutes(rooms: KnownRooms) {
  const open = async (c: Context<AppEnv>, found: Room): Promise<Messages> => {
    const { router, clock } = c.get("dependencies");
    return unwrap(await messagesIn(router, requestUser(c), found, clock));
  };
  /** Whoever is not in the room any more finds out that there is none. */
  const lookAgain = async (c: Context<AppEnv>, id: string) => {
    rooms(c).forget(id);
    await roomOf(c, rooms, id);
  };
  const opened = async (c: Context<AppEnv>, id: string) => open(c, await roomOf(c, rooms, id));

  return createRoutes()
    .openapi(routes.list, async (c) => {
      const page = pageOf(c);
      const { id } = c.req.valid("param");
      const found = unwrap(await (await opened(c, id)).list(page));
      // row-level security shows nothing to one who was remembered to be in a channel, and is not any more
      if (found.items.length === 0) await lookAgain(c, id);
      return c.json(found, 200);
    })
    .openapi(routes.post, async (c) => {
      const { id } = c.req.valid("param");
      const said: Said & { id?: string | undefined } = c.req.valid("json");
      refuseNothing(said);
      const path = `/api/rooms/${id}/messages`;
      const repeat = await repeatOf(c, path, said);
      const given = repeat ? { ...said, id: repeat.id } : said;
      const messages = await opened(c, id);
      const posted = await messages.post(given, repeat?.idempotencyHash);
      if (posted.isErr() && posted.error.code === "forbidden") await lookAgain(c, id);
      const made = unwrap(posted);
      return c.json(made, 201, { etag: etagOf(made), location: `${path}/${made.id}` });
    })
    .openapi(routes.get, async (c) => {
      const { id, messageId } = c.req.valid("param");
      const found = unwrap(await (await opened(c, id)).get(messageId));
      return c.json(found, 200, { etag: etagOf(found) });
    })
    .openapi(routes.edit, async (c) => {
      const { id, messageId } = c.req.valid("param");
      const messages = await opened(c, id);
      const condition = unwrap(await expectedVersion(c.req.header("if-match"), messages, messageId));
      const edited = unwrap(await messages.edit(messageId, c.req.valid("json"), condition.expectedVersion));
      return c.json(edited, 200, { etag: etagOf(edited) });
    })
    .openapi(routes.remove, async (c) => {
      const { id, messageId } = c.req.valid("param");
      const messages = await opened(c, id);
      const condition = unwrap(await expectedVersion(c.req.header("if-match"), messages, messageId));
      unwrap(await messages.remove(messageId, condition.expectedVersion));
      return c.body(null, 204);
    });
}

/** Before anybody is asked whether the room is there: of a body that is none, the same is said everywhere. */
function refuseNothing({ content, file_url }: Said): void {
  if (content || file_url) return;
  const error = { field: "content", code: "any_of", message: "Give content or file_url." };
  throw repositoryProblem(invalid("invalid_input", "The body does not fit its schema.", [error]));
}
