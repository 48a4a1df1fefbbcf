/** Conversations and what is said in them, by users of both homes: direct messages are in MongoDB, who is in which in Postgres. */
import { UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApi } from "../attack/api.ts";
import { type Caller, type RoomSystem, startRoomSystem } from "./room-callers.ts";

type Body = Record<string, unknown>;

let system: RoomSystem;
let ann: Caller;
let bo: Caller;
let cy: Caller;
let eve: Caller;
beforeAll(async () => {
  system = await startRoomSystem();
  ann = await system.newCaller("supabase");
  bo = await system.newCaller("mongodb");
  cy = await system.newCaller("supabase");
  eve = await system.newCaller("mongodb");
});
afterAll(() => system?.stop());

async function make(by: Caller, others: Caller[], name?: string): Promise<string> {
  const { status, value, text } = await by.call("POST", "/api/conversations", {
    user_ids: others.map(({ id }) => id),
    ...(name !== undefined && { name }),
  });
  expect([200, 201], text).toContain(status);
  return value.id;
}
async function say(by: Caller, room: string, content: string) {
  const { status, value, text } = await by.call("POST", `/api/rooms/${room}/messages`, { content });
  expect(status, text).toBe(201);
  return value as Body & { id: string; version: number };
}
const heard = async (by: Caller, room: string) =>
  (await by.call("GET", `/api/rooms/${room}/messages`)).value.items.map(({ content }: Body) => content);
const people = async (by: Caller, id: string): Promise<string[]> =>
  (await by.call("GET", `/api/conversations/${id}/members`)).value.items.map(({ user_id }: Body) => user_id).sort();
const ids = (...users: Caller[]) => users.map(({ id }) => id).sort();

describe("a conversation", () => {
  test("of two is the same one again, whoever makes it, and also of requests at once", async () => {
    const asked = await Promise.all(
      [ann, bo, ann, bo].map((by) =>
        by.call("POST", "/api/conversations", { user_ids: [by === ann ? bo.id : ann.id], name: "ignored" }),
      ),
    );
    expect(new Set(asked.map(({ value }) => value.id)).size).toBe(1);
    expect(asked.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    const made = asked.find(({ status }) => status === 201);
    expect(made?.headers.get("location")).toBe(`/api/conversations/${made?.value.id}`);
    expect(made?.value).toMatchObject({ kind: "pair", name: null });
    expect(await people(bo, made?.value.id)).toEqual(ids(ann, bo));
    const other = await ann.call("POST", "/api/conversations", { user_ids: [cy.id] });
    expect([other.status, other.value.id === made?.value.id]).toEqual([201, false]);
  });

  test("of more has a name, and is another one each time, but for the same idempotency key", async () => {
    const body = { user_ids: [bo.id, cy.id], name: "  Trip  " };
    const key = { "idempotency-key": "trip" };
    const [one, two] = [
      await ann.call("POST", "/api/conversations", body),
      await ann.call("POST", "/api/conversations", body),
    ];
    expect([one.status, one.value.kind, one.value.name, one.value.created_by]).toEqual([201, "group", "Trip", ann.id]);
    expect(two.value.id).not.toBe(one.value.id);
    const [first, again] = [
      await ann.call("POST", "/api/conversations", body, key),
      await ann.call("POST", "/api/conversations", body, key),
    ];
    expect([again.status, again.value]).toEqual([201, first.value]);
    const changed = await ann.call("POST", "/api/conversations", { ...body, name: "Other" }, key);
    expect([changed.status, changed.value.code]).toEqual([409, "idempotency_mismatch"]);
    expect((await ann.call("DELETE", `/api/conversations/${first.value.id}`)).status).toBe(204);
    expect((await ann.call("POST", "/api/conversations", body, key)).value.code).toBe("deleted");
  });

  test("is listed to those who are in it, a page at a time, and to nobody else", async () => {
    const [by, other] = [await system.newCaller("mongodb"), await system.newCaller("supabase")];
    const made = [];
    for (const name of ["a", "b", "c"]) made.unshift(await make(by, [other, bo], name));
    const first = await by.call("GET", "/api/conversations?limit=2");
    expect(first.value.items.map(({ id }: Body) => id)).toEqual(made.slice(0, 2));
    expect(first.headers.get("x-data-source")).toBe("primary");
    const next = await by.call("GET", `/api/conversations?limit=2&cursor=${first.value.next_cursor}`);
    expect(next.value).toMatchObject({ items: [{ id: made[2], name: "a" }], next_cursor: null });
    expect((await other.call("GET", "/api/conversations")).value.items).toHaveLength(3);
    expect((await eve.call("GET", "/api/conversations")).value.items).toEqual([]);
    expect((await by.call("GET", "/api/conversations?name=a")).status).toBe(400);
    expect((await eve.call("GET", `/api/conversations?cursor=${first.value.next_cursor}`)).status).toBe(400);
  });

  test("is made of users that there are, and of two at least", async () => {
    const nobody = await ann.call("POST", "/api/conversations", { user_ids: [crypto.randomUUID()] });
    expect([nobody.status, nobody.value.code]).toEqual([422, "invalid_input"]);
    expect((await ann.call("POST", "/api/conversations", { user_ids: [ann.id] })).status).toBe(422);
    expect((await ann.call("POST", "/api/conversations", { user_ids: [] })).status).toBe(422);
    expect((await ann.call("POST", "/api/conversations", { user_ids: ["x"] })).status).toBe(422);
    expect((await ann.call("POST", "/api/conversations", { user_ids: [bo.id], created_by: bo.id })).status).toBe(422);
  });

  test("takes more people by any of its members, but for one of two", async () => {
    const id = await make(ann, [bo, cy], "open");
    const add = (by: Caller, room: string, who: string[]) =>
      by.call("POST", `/api/conversations/${room}/members`, { user_ids: who });
    const newcomer = await system.newCaller("mongodb");
    expect((await add(eve, id, [eve.id])).status).toBe(404);
    expect((await add(bo, id, [newcomer.id, ann.id])).value).toEqual({ added: 1 });
    expect((await add(bo, id, [newcomer.id])).value).toEqual({ added: 0 });
    expect(await people(newcomer, id)).toEqual(ids(ann, bo, cy, newcomer));
    expect((await add(ann, await make(ann, [bo]), [cy.id])).status).toBe(422);
    expect((await add(ann, id, [crypto.randomUUID()])).status).toBe(422);
  });

  test("is left, and ends with the last", async () => {
    const [by, other] = [await system.newCaller("supabase"), await system.newCaller("mongodb")];
    const id = await make(by, [other]);
    await say(by, id, "hello");
    expect((await other.call("DELETE", `/api/conversations/${id}/members/${other.id}`)).status).toBe(204);
    expect((await other.call("DELETE", `/api/conversations/${id}/members/${other.id}`)).status).toBe(404);
    expect((await other.call("GET", `/api/rooms/${id}/messages`)).status).toBe(404);
    expect(await heard(by, id)).toEqual(["hello"]);
    // the same one again, with what was said in it
    expect(await make(by, [other])).toBe(id);
    expect(await heard(other, id)).toEqual(["hello"]);
    for (const who of [by, other]) await who.call("DELETE", `/api/conversations/${id}/members/${who.id}`);
    expect(await system.supabase.sql("select id from public.conversations where id = $1", [id])).toEqual([]);
  });

  test("is deleted, and others are removed from it, by who made it alone", async () => {
    const id = await make(ann, [bo, cy]);
    const remove = (by: Caller, who: Caller) => by.call("DELETE", `/api/conversations/${id}/members/${who.id}`);
    expect((await remove(bo, cy)).status).toBe(403);
    expect((await remove(eve, cy)).status).toBe(404);
    expect((await remove(ann, eve)).status).toBe(404);
    expect((await remove(ann, cy)).status).toBe(204);
    expect(await people(ann, id)).toEqual(ids(ann, bo));
    expect((await cy.call("GET", `/api/conversations/${id}`)).status).toBe(404);
    expect((await bo.call("DELETE", `/api/conversations/${id}`)).status).toBe(403);
    expect((await eve.call("DELETE", `/api/conversations/${id}`)).status).toBe(404);
    expect((await ann.call("DELETE", `/api/conversations/${id}`)).status).toBe(204);
    for (const who of [ann, bo]) expect((await who.call("GET", `/api/conversations/${id}`)).status).toBe(404);
    // somebody is not removed from a conversation of two
    const pair = await make(ann, [bo]);
    expect((await ann.call("DELETE", `/api/conversations/${pair}/members/${bo.id}`)).status).toBe(403);
  });
});

test("whoever copies is woken when a room is made, and not when one is only looked for", async () => {
  const woken: string[] = [];
  const watched = await startApi({
    on: system.supabase,
    mongoUri: system.mongoUri,
    replicate: async () => woken.push(""),
  });
  const by = system.through(ann, watched);
  expect((await by.call("GET", `/api/rooms/${crypto.randomUUID()}/messages`)).status).toBe(404);
  expect(woken).toEqual([]);
  await make(by, [cy, bo]);
  expect(woken).toHaveLength(1);
  await watched.close();
});

describe("messages of a conversation", () => {
  let room: string;
  beforeAll(async () => {
    room = await make(ann, [bo, cy], "talk");
  });

  test("are in MongoDB, newest first, a page at a time, with who has sent them", async () => {
    const id = await make(ann, [bo, cy]);
    const sent = [];
    for (const [n, by] of [ann, bo, cy, ann].entries()) sent.unshift(await say(by, id, `line ${n}`));
    const first = await bo.call("GET", `/api/rooms/${id}/messages?limit=3`);
    expect(first.value.items).toEqual(sent.slice(0, 3));
    expect(first.headers.get("x-data-source")).toBe("primary");
    expect(first.value.items[0]).toMatchObject({ room_id: id, sender_id: ann.id, is_deleted: false, author: null });
    const next = await bo.call("GET", `/api/rooms/${id}/messages?limit=3&cursor=${first.value.next_cursor}`);
    expect(next.value).toEqual({ items: sent.slice(3), next_cursor: null });
    const documents = await system.mongo
      .db()
      .collection("direct_messages")
      .countDocuments({ conversation_id: new UUID(id) });
    expect(documents).toBe(4);
    expect((await bo.call("GET", `/api/rooms/${id}/messages?sort=created_at`)).status).toBe(400);
    const other = await make(bo, [cy]);
    expect(
      (await bo.call("GET", `/api/rooms/${other}/messages?limit=3&cursor=${first.value.next_cursor}`)).status,
    ).toBe(400);
  });

  test("are a text, a file, or both", async () => {
    const post = (body: Body) => ann.call("POST", `/api/rooms/${room}/messages`, body);
    const file = "https://example.org/a%20b.png?x=1#y";
    expect((await post({ file_url: file })).value).toMatchObject({ content: null, file_url: file });
    expect((await post({ content: " hi ", file_url: file })).value).toMatchObject({ content: "hi", file_url: file });
    for (const none of [{}, { content: "" }, { content: "  \u200b" }, { content: null, file_url: null }])
      expect((await post(none)).status).toBe(422);
    for (const wrong of [
      "ftp://x.org/a",
      "javascript:alert(1)",
      "http://",
      "//x.org",
      "https://x.org/a b",
      "https://x y",
    ])
      expect([wrong, (await post({ file_url: wrong })).status]).toEqual([wrong, 422]);
    expect((await post({ content: "x".repeat(4_001) })).status).toBe(422);
  });

  test("are sent once for the same key or id, and by nobody else, at no other time", async () => {
    const send = (by: Caller, body: Body, more = {}) => by.call("POST", `/api/rooms/${room}/messages`, body, more);
    const key = { "idempotency-key": "first" };
    const [one, again] = [await send(ann, { content: "once" }, key), await send(ann, { content: "once" }, key)];
    expect([again.status, again.value]).toEqual([201, one.value]);
    expect(one.headers.get("location")).toBe(`/api/rooms/${room}/messages/${one.value.id}`);
    expect((await ann.call("GET", one.headers.get("location") ?? "")).value).toEqual(one.value);
    expect((await send(ann, { content: "twice" }, key)).value.code).toBe("idempotency_mismatch");
    expect((await send(bo, { content: "once" }, key)).value.id).not.toBe(one.value.id);
    const id = crypto.randomUUID();
    expect((await send(ann, { id, content: "mine" })).value.id).toBe(id);
    expect((await send(bo, { id, content: "mine" })).value.code).toBe("duplicate");
    for (const forged of [
      "sender_id",
      "created_at",
      "edited_at",
      "is_deleted",
      "conversation_id",
      "room_id",
      "version",
    ])
      expect([forged, (await send(ann, { content: "x", [forged]: bo.id })).status]).toEqual([forged, 422]);
  });

  test("are changed by their author, in their place", async () => {
    const id = await make(ann, [bo, cy]);
    const [first] = [await say(ann, id, "frist"), await say(bo, id, "second")];
    const path = `/api/rooms/${id}/messages/${first.id}`;
    expect((await bo.call("PATCH", path, { content: "mine" })).status).toBe(403);
    expect((await eve.call("PATCH", path, { content: "mine" })).status).toBe(404);
    const changed = await ann.call("PATCH", path, { content: "first" }, { "if-match": `"${first.version}"` });
    expect(changed.value).toMatchObject({
      content: "first",
      edited_at: expect.any(String),
      created_at: first.created_at,
    });
    expect((await ann.call("PATCH", path, { content: "late" }, { "if-match": `"${first.version}"` })).status).toBe(412);
    expect((await ann.call("PATCH", path, { content: null })).status).toBe(422);
    // a change of nothing is no edit
    const same = await ann.call("PATCH", path, { content: "first" });
    expect(same.value.edited_at).toBe(changed.value.edited_at);
    expect((await ann.call("PATCH", path, { sender_id: bo.id })).status).toBe(422);
    expect((await ann.call("PATCH", path, { is_deleted: true })).status).toBe(422);
    expect(await heard(bo, id)).toEqual(["second", "first"]);
    // a file takes the place of the text
    const file = await ann.call("PATCH", path, { content: null, file_url: "https://example.org/" });
    expect([file.status, file.value.content]).toEqual([200, null]);
    // in another room it is not
    expect((await ann.call("PATCH", `/api/rooms/${room}/messages/${first.id}`, { content: "x" })).status).toBe(404);
  });

  test("are deleted by their author, and keep their place", async () => {
    const id = await make(ann, [bo, cy]);
    const sent = [await say(ann, id, "one"), await say(bo, id, "two"), await say(ann, id, "three")];
    const path = `/api/rooms/${id}/messages/${sent[1]?.id}`;
    expect((await ann.call("DELETE", path)).status).toBe(403);
    expect((await eve.call("DELETE", path)).status).toBe(404);
    expect((await bo.call("DELETE", path, undefined, { "if-match": '"1"' })).status).toBe(412);
    expect((await bo.call("DELETE", path)).status).toBe(204);
    expect((await bo.call("DELETE", path)).status).toBe(204);
    expect((await bo.call("PATCH", path, { content: "again" })).value.code).toBe("deleted");
    const { items } = (await ann.call("GET", `/api/rooms/${id}/messages`)).value;
    expect(items.map((each: Body) => [each.content, each.is_deleted])).toEqual([
      ["three", false],
      [null, true],
      ["one", false],
    ]);
    expect(items[1]).toMatchObject({ id: sent[1]?.id, sender_id: bo.id, file_url: null, edited_at: null });
  });

  test("are nowhere for who is not in it: whatever they ask, as of a room that is none", async () => {
    const { id } = await say(ann, room, "secret");
    const key = { "idempotency-key": "nowhere" };
    for (const at of [room, crypto.randomUUID()])
      for (const [method, path, body] of [
        ["GET", "", undefined],
        ["POST", "", { content: "hi" }],
        ["GET", `/${id}`, undefined],
        ["PATCH", `/${id}`, { content: "hi" }],
        ["DELETE", `/${id}`, undefined],
      ] as const) {
        const { status, text } = await eve.call(method, `/api/rooms/${at}/messages${path}`, body, key);
        expect([method, path, status, text.includes("no such room")]).toEqual([method, path, 404, true]);
      }
    expect(await heard(ann, room)).toContain("secret");
  });
});
