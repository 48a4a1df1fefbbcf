/** `/conversations`: rooms of people who were chosen one by one. */
import { createRoute, type z as openapi } from "@hono/zod-openapi";
import { uuidv7 } from "uuidv7";
import { z } from "zod";
import { defineCollection, home, owner } from "../../shared/definition/define.ts";
import { optional, text, uuidSchema } from "../../shared/definition/fields.ts";
import { CONVERSATIONS, joinedBy, joinedOne, peopleIn } from "../../shared/rooms/joined.ts";
import { body, json, locationHeaders, problems, sourceHeaders } from "../_answers.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { pageOf, pageSchema } from "../_page.ts";
import { idempotencyHeader, pageParameters, pathId } from "../_parameters.ts";
import { repeatOf } from "../_repeat.ts";
import { callRooms, type KnownRooms, roomOf, shownBy } from "../_rooms.ts";
import { requestUser, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { personSchema } from "./person.ts";

const { name } = (
  defineCollection({
    name: "conversations",
    title: "conversation to make",
    placement: home(),
    scope: owner(),
    fields: { name: optional(text(200)) },
  }).schemas.create as unknown as z.ZodObject
).shape;
const MOST_OTHERS = 99;

type Typed<T> = openapi.ZodType<T, T>;
const people = z.array(uuidSchema).min(1).max(MOST_OTHERS);
const makeSchema = z
  .strictObject({
    user_ids: people.meta({ description: "the others; the caller is in it anyway" }),
    name: name as z.ZodType,
  })
  .meta({ id: "ConversationMake" }) as unknown as Typed<{ user_ids: string[]; name?: string | null | undefined }>;
const addSchema = z.strictObject({ user_ids: people }).meta({ id: "ConversationAdd" }) as unknown as Typed<{
  user_ids: string[];
}>;

interface Conversation {
  id: string;
  kind: "pair" | "group";
  name: string | null;
  created_by: string;
  created_at: string;
  updated_at: string;
}
const shape = {
  id: z.uuid(),
  kind: z.enum(["pair", "group"]).meta({ description: "`pair`: the one conversation of its two people" }),
  name: z.string().nullable(),
  created_by: z.uuid(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
};
const conversation = z.object(shape).meta({ id: "Conversation" }) as unknown as Typed<Conversation>;
const joinedShape = { ...shape, joined_at: z.iso.datetime().meta({ description: "when the caller came into it" }) };
const joined = z.object(joinedShape).meta({ id: "JoinedConversation" }) as unknown as Typed<
  Conversation & { joined_at: string }
>;
const shown = shownBy<Conversation>(shape);
const shownJoined = shownBy<Conversation & { joined_at: string }>(joinedShape);

const room = z.object({ id: pathId("id", "UUID of the conversation") });
const member = room.extend({ userId: pathId("userId", "UUID of the user") });
const common = { tags: ["conversations"], security: [{ bearer: [] }], middleware: requireUser };
const withBody = { ...common, middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody] };

const routes = {
  list: createRoute({
    ...common,
    method: "get",
    path: "/",
    summary: "List the conversations that one is in, the latest that one came into first",
    request: { query: pageParameters },
    responses: { 200: json(pageSchema(joined), "one page", sourceHeaders), ...problems(400, 401, 403, 503) },
  }),
  make: createRoute({
    ...withBody,
    method: "post",
    path: "/",
    summary: "Make a conversation; with one other user it is always the same one, also when somebody had left it",
    request: { body: body(makeSchema), headers: idempotencyHeader },
    responses: {
      200: json(conversation, "the one that these two have already"),
      201: json(conversation, "made, or made by an earlier try with this Idempotency-Key", locationHeaders),
      ...problems(400, 401, 403, 409, 410, 413, 415, 422, 503, 507),
    },
  }),
  get: createRoute({
    ...common,
    method: "get",
    path: "/{id}",
    summary: "Read a conversation that one is in",
    request: { params: room },
    responses: { 200: json(conversation, "the conversation", sourceHeaders), ...problems(400, 401, 403, 404, 503) },
  }),
  remove: createRoute({
    ...common,
    method: "delete",
    path: "/{id}",
    summary: "Delete a conversation that one has made, with all that was said in it",
    request: { params: room },
    responses: { 204: { description: "deleted" }, ...problems(400, 401, 403, 404, 503, 507) },
  }),
  people: createRoute({
    ...common,
    method: "get",
    path: "/{id}/members",
    summary: "List who is in a conversation, the last to come first",
    request: { params: room, query: pageParameters },
    responses: { 200: json(pageSchema(personSchema), "one page", sourceHeaders), ...problems(400, 401, 403, 404, 503) },
  }),
  add: createRoute({
    ...withBody,
    method: "post",
    path: "/{id}/members",
    summary: "Add people to a conversation that one is in; a `pair` stays one of two",
    request: { params: room, body: body(addSchema) },
    responses: {
      200: json(z.object({ added: z.int() }).meta({ id: "Added" }), "how many were not in it before"),
      ...problems(400, 401, 403, 404, 413, 415, 422, 503, 507),
    },
  }),
  leave: createRoute({
    ...common,
    method: "delete",
    path: "/{id}/members/{userId}",
    summary: "Leave a conversation, or, as who made it, remove somebody; the last to leave ends it",
    request: { params: member },
    responses: { 204: { description: "not in it any more" }, ...problems(400, 401, 403, 404, 503, 507) },
  }),
};

export function conversationRoutes(rooms: KnownRooms) {
  return createRoutes()
    .openapi(routes.list, async (c) => {
      const page = pageOf(c);
      const found = unwrap(await joinedBy(c.var.dependencies.router, requestUser(c), CONVERSATIONS, page));
      return c.json({ items: found.items.map(shownJoined), next_cursor: found.next_cursor }, 200);
    })
    .openapi(routes.make, async (c) => {
      const { user_ids, name: called = null } = c.req.valid("json");
      const repeat = await repeatOf(c, "/api/conversations", c.req.valid("json") as object);
      const { is_new, room: row } = await callRooms<{ is_new: boolean; room: object }>(c, "make_conversation", {
        p_others: user_ids,
        p_name: called,
        p_id: repeat?.id ?? uuidv7(),
        p_hash: repeat?.idempotencyHash ?? null,
      });
      const made = shown(row);
      if (!is_new) c.set("changed", []);
      return is_new || made.kind === "group"
        ? c.json(made, 201, { location: `/api/conversations/${made.id}` })
        : c.json(made, 200);
    })
    .openapi(routes.get, async (c) => {
      const { id } = c.req.valid("param");
      await roomOf(c, rooms, id, "conversation");
      return c.json(shown(unwrap(await joinedOne(c.var.dependencies.router, requestUser(c), CONVERSATIONS, id))), 200);
    })
    .openapi(routes.remove, async (c) => {
      const { id } = c.req.valid("param");
      await callRooms(c, "delete_conversation", { p_conversation_id: id });
      rooms(c).forget(id);
      return c.body(null, 204);
    })
    .openapi(routes.people, async (c) => {
      const page = pageOf(c);
      const { id } = c.req.valid("param");
      await roomOf(c, rooms, id, "conversation");
      return c.json(unwrap(await peopleIn(c.var.dependencies.router, requestUser(c), CONVERSATIONS, id, page)), 200);
    })
    .openapi(routes.add, async (c) => {
      const { id } = c.req.valid("param");
      const { user_ids } = c.req.valid("json");
      const added = await callRooms<number>(c, "add_to_conversation", { p_conversation_id: id, p_people: user_ids });
      return c.json({ added }, 200);
    })
    .openapi(routes.leave, async (c) => {
      const { id, userId } = c.req.valid("param");
      await callRooms(c, "leave_conversation", { p_conversation_id: id, p_who: userId });
      rooms(c).forget(id);
      return c.body(null, 204);
    });
}
