/** Servers, their channels, and what is said there: all of it in Postgres, for users of both homes. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, type RoomSystem, startRoomSystem } from "./room-callers.ts";

type Body = Record<string, unknown>;

let system: RoomSystem;
let ann: Caller;
let bo: Caller;
let eve: Caller;
beforeAll(async () => {
  system = await startRoomSystem();
  ann = await system.newCaller("supabase");
  bo = await system.newCaller("mongodb");
  eve = await system.newCaller("supabase");
});
afterAll(() => system?.stop());

async function make(by: Caller, body: Body = { name: "Garden" }) {
  const { status, value, text } = await by.call("POST", "/api/servers", body);
  expect(status, text).toBe(201);
  return value as { id: string; invite_code: string };
}
const join = (by: Caller, invite_code: string) => by.call("POST", "/api/servers/join", { invite_code });
const channelsOf = async (by: Caller, id: string) =>
  (await by.call("GET", `/api/servers/${id}/channels`)).value.items as { id: string; name: string }[];
const general = async (by: Caller, id: string) => (await channelsOf(by, id))[0]?.id ?? "";
const heard = async (by: Caller, room: string) =>
  (await by.call("GET", `/api/rooms/${room}/messages`)).value.items.map(({ content }: Body) => content);

describe("a server", () => {
  test("is made with its owner and a channel, once for one key", async () => {
    const body = { name: " Garden ", image_url: "https://example.org/g.png" };
    const key = { "idempotency-key": "garden" };
    const [made, again] = [
      await ann.call("POST", "/api/servers", body, key),
      await ann.call("POST", "/api/servers", body, key),
    ];
    expect([made.status, made.value.name, made.value.owner_id]).toEqual([201, "Garden", ann.id]);
    expect([again.status, again.value]).toEqual([201, made.value]);
    expect(made.headers.get("location")).toBe(`/api/servers/${made.value.id}`);
    expect((await ann.call("POST", "/api/servers", { name: "Other" }, key)).value.code).toBe("idempotency_mismatch");
    expect((await channelsOf(ann, made.value.id)).map(({ name }) => name)).toEqual(["general"]);
    const { items } = (await ann.call("GET", `/api/servers/${made.value.id}/members`)).value;
    expect(items).toEqual([{ user_id: ann.id, joined_at: expect.any(String), profile: null }]);
    for (const wrong of [{}, { name: "" }, { name: "x", owner_id: bo.id }, { name: "x", image_url: "x" }])
      expect((await ann.call("POST", "/api/servers", wrong)).status).toBe(422);
    expect((await ann.call("DELETE", `/api/servers/${made.value.id}`)).status).toBe(204);
    expect((await ann.call("POST", "/api/servers", body, key)).value.code).toBe("deleted");
  });

  test("is joined by its code, once, and left", async () => {
    const { id, invite_code } = await make(ann);
    for (const ask of [() => bo.call("GET", `/api/servers/${id}`), () => bo.call("GET", `/api/servers/${id}/members`)])
      expect((await ask()).status).toBe(404);
    expect((await join(bo, "0123456789abcdef")).status).toBe(404);
    const joined = await Promise.all(Array.from({ length: 4 }, () => join(bo, invite_code)));
    expect(joined.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(joined[0]?.value.id).toBe(id);
    const members = (await bo.call("GET", `/api/servers/${id}/members`)).value.items;
    expect(members.map(({ user_id }: Body) => user_id)).toEqual([bo.id, ann.id]);
    const leave = (by: Caller, who: Caller) => by.call("DELETE", `/api/servers/${id}/members/${who.id}`);
    expect((await leave(bo, ann)).status).toBe(403);
    expect((await leave(eve, bo)).status).toBe(404);
    expect((await leave(ann, ann)).status).toBe(403);
    expect((await leave(bo, bo)).status).toBe(204);
    expect((await leave(bo, bo)).status).toBe(404);
    expect((await bo.call("GET", `/api/servers/${id}/channels`)).status).toBe(404);
  });

  test("is listed to those who are in it, a page at a time", async () => {
    const owner = await system.newCaller("mongodb");
    const made = [];
    for (const name of ["a", "b", "c"]) made.unshift(await make(owner, { name }));
    for (const { invite_code } of [...made].reverse()) await join(bo, invite_code);
    const first = await bo.call("GET", "/api/servers?limit=2");
    expect(first.value.items.map(({ name }: Body) => name)).toEqual(["c", "b"]);
    const next = await bo.call("GET", `/api/servers?limit=2&cursor=${first.value.next_cursor}`);
    expect(next.value.items[0]).toMatchObject({ name: "a", invite_code: made[2]?.invite_code });
    expect((await eve.call("GET", "/api/servers")).value).toEqual({ items: [], next_cursor: null });
  });

  test("is changed and deleted by its owner; a new code ends the old one", async () => {
    const { id, invite_code } = await make(ann);
    await join(bo, invite_code);
    const change = (by: Caller, body: Body) => by.call("PATCH", `/api/servers/${id}`, body);
    expect((await change(bo, { name: "Mine" })).status).toBe(403);
    expect((await change(eve, { name: "Mine" })).status).toBe(404);
    const changed = await change(ann, { name: "Yard", renew_invite_code: true });
    expect(changed.value).toMatchObject({ id, name: "Yard", owner_id: ann.id, image_url: null });
    expect((await join(eve, invite_code)).status).toBe(404);
    expect((await join(eve, changed.value.invite_code)).status).toBe(200);
    expect((await change(ann, { owner_id: eve.id })).status).toBe(422);
    const room = await general(ann, id);
    expect((await eve.call("POST", `/api/rooms/${room}/messages`, { content: "hi" })).status).toBe(201);
    expect((await bo.call("DELETE", `/api/servers/${id}`)).status).toBe(403);
    expect((await ann.call("DELETE", `/api/servers/${id}`)).status).toBe(204);
    for (const by of [ann, bo, eve]) {
      expect((await by.call("GET", `/api/servers/${id}`)).status).toBe(404);
      expect((await by.call("GET", `/api/rooms/${room}/messages`)).status).toBe(404);
    }
    expect(await system.supabase.sql("select id from public.group_messages where channel_id = $1", [room])).toEqual([]);
  });
});

describe("a channel", () => {
  test("is made, renamed and deleted by the owner of its server", async () => {
    const { id, invite_code } = await make(ann);
    await join(bo, invite_code);
    const path = `/api/servers/${id}/channels`;
    for (const [by, status] of [
      [bo, 403],
      [eve, 404],
    ] as const)
      expect((await by.call("POST", path, { name: "plans" })).status).toBe(status);
    const key = { "idempotency-key": "plans" };
    const made = await ann.call("POST", path, { name: "plans" }, key);
    expect([made.status, made.value]).toMatchObject([201, { server_id: id, name: "plans" }]);
    expect((await ann.call("POST", path, { name: "plans" }, key)).value).toEqual(made.value);
    expect((await channelsOf(bo, id)).map(({ name }) => name)).toEqual(["plans", "general"]);
    const one = `${path}/${made.value.id}`;
    expect((await bo.call("PATCH", one, { name: "x" })).status).toBe(403);
    expect((await ann.call("PATCH", one, { name: "ideas" })).value.name).toBe("ideas");
    const other = await make(ann);
    expect((await ann.call("PATCH", `/api/servers/${other.id}/channels/${made.value.id}`, { name: "x" })).status).toBe(
      404,
    );
    await bo.call("POST", `/api/rooms/${made.value.id}/messages`, { content: "hi" });
    expect((await bo.call("DELETE", one)).status).toBe(403);
    expect((await ann.call("DELETE", one)).status).toBe(204);
    expect((await bo.call("GET", `/api/rooms/${made.value.id}/messages`)).status).toBe(404);
    for (const { id: last } of await channelsOf(ann, id)) await ann.call("DELETE", `${path}/${last}`);
    expect(await channelsOf(bo, id)).toEqual([]);
  });
});

describe("messages of a channel", () => {
  test("are said, changed and deleted in their place, by those who are in its server", async () => {
    const { id, invite_code } = await make(ann);
    await join(bo, invite_code);
    const room = await general(bo, id);
    const path = `/api/rooms/${room}/messages`;
    const say = async (by: Caller, content: string) => (await by.call("POST", path, { content })).value as Body;
    const sent = [await say(ann, "one"), await say(bo, "two"), await say(ann, "three")];
    const first = await bo.call("GET", `${path}?limit=2`);
    expect(first.value.items).toEqual([sent[2], sent[1]]);
    expect(first.headers.get("x-data-source")).toBeNull();
    const next = await bo.call("GET", `${path}?limit=2&cursor=${first.value.next_cursor}`);
    expect(next.value).toEqual({ items: [sent[0]], next_cursor: null });
    const two = `${path}/${sent[1]?.id}`;
    expect((await ann.call("PATCH", two, { content: "mine" })).status).toBe(403);
    expect((await ann.call("DELETE", two)).status).toBe(403);
    const changed = await bo.call("PATCH", two, { content: "2" }, { "if-match": `"${sent[1]?.version}"` });
    expect(changed.value).toMatchObject({ content: "2", edited_at: expect.any(String) });
    expect((await bo.call("PATCH", two, { content: null })).status).toBe(422);
    expect((await bo.call("DELETE", two, undefined, { "if-match": `"${sent[1]?.version}"` })).status).toBe(412);
    expect((await bo.call("DELETE", two)).status).toBe(204);
    expect((await bo.call("DELETE", two)).status).toBe(204);
    expect((await bo.call("PATCH", two, { content: "x" })).value.code).toBe("deleted");
    expect(await heard(ann, room)).toEqual(["three", null, "one"]);
    const key = { "idempotency-key": "one" };
    const [made, again] = [
      await ann.call("POST", path, { content: "once" }, key),
      await ann.call("POST", path, { content: "once" }, key),
    ];
    expect([again.status, again.value]).toEqual([201, made.value]);
    for (const [method, at, body] of [
      ["GET", path, undefined],
      ["POST", path, { content: "hi" }],
      ["PATCH", two, { content: "hi" }],
      ["DELETE", two, undefined],
    ] as const)
      expect([method, (await eve.call(method, at, body)).status]).toEqual([method, 404]);
  });

  test("are nowhere for one who has been removed, also on an instance that had let them in", async () => {
    const { id, invite_code } = await make(ann);
    await join(bo, invite_code);
    const room = await general(bo, id);
    const path = `/api/rooms/${room}/messages`;
    await ann.call("POST", path, { content: "before" });
    expect(await heard(bo, room)).toEqual(["before"]);
    // by another way than this instance
    await system.supabase.sql("select public.switchyard_leave_server($1, $2, $3)", [ann.id, id, bo.id]);
    expect((await bo.call("POST", path, { content: "after" })).status).toBe(404);
    await join(bo, invite_code);
    expect(await heard(bo, room)).toEqual(["before"]);
    await system.supabase.sql("select public.switchyard_leave_server($1, $2, $3)", [ann.id, id, bo.id]);
    expect((await bo.call("GET", path)).status).toBe(404);
  });
});
