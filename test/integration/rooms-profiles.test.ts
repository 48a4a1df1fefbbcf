/** How users are shown to each other: their profiles, beside what they say and where they are in. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Caller, type RoomSystem, startRoomSystem } from "./room-callers.ts";

let system: RoomSystem;
let ann: Caller;
let bo: Caller;
beforeAll(async () => {
  system = await startRoomSystem();
  ann = await system.newCaller("supabase");
  bo = await system.newCaller("mongodb");
});
afterAll(() => system?.stop());

const put = (by: Caller, body: unknown) => by.call("PUT", "/api/profile", body);

describe("a profile", () => {
  test("is made and put in the place of the last one, also at the same time, and there is one", async () => {
    const by = await system.newCaller("mongodb");
    expect((await by.call("GET", "/api/profile")).status).toBe(404);
    const names = ["a", "b", "c", "d"];
    const made = await Promise.all(names.map((name) => put(by, { name, image_url: "https://example.org/i.png" })));
    expect(made.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(made.map(({ value }) => value.id)).size).toBe(1);
    const last = await put(by, { name: " Zoë " });
    expect(last.value).toMatchObject({ user_id: by.id, name: "Zoë", image_url: null });
    expect((await by.call("GET", "/api/profile")).value).toEqual(last.value);
  });

  test("is read by everyone who is signed in, and written by its owner alone", async () => {
    await put(ann, { name: "Ann" });
    const read = await bo.call("GET", `/api/profiles/${ann.id}`);
    expect([read.value.name, read.headers.get("x-data-source")]).toEqual(["Ann", "primary"]);
    expect((await bo.call("GET", `/api/profiles/${crypto.randomUUID()}`)).status).toBe(404);
    expect((await bo.call("GET", "/api/profiles/x")).status).toBe(400);
    for (const wrong of [{}, { name: "" }, { name: "x", user_id: ann.id }, { name: "x", image_url: "javascript:1" }])
      expect((await put(bo, wrong)).status).toBe(422);
    expect((await bo.call("GET", `/api/profiles/${bo.id}`)).status).toBe(404);
    const anonymous = await system.api.app.request(`/api/profiles/${ann.id}`);
    expect(anonymous.status).toBe(401);
  });

  test("stands beside what its owner says, as it is now, with one call for a page", async () => {
    await put(ann, { name: "Ann", image_url: "https://example.org/ann.png" });
    const { value: room } = await ann.call("POST", "/api/conversations", { user_ids: [bo.id] });
    const path = `/api/rooms/${room.id}/messages`;
    const said = await ann.call("POST", path, { content: "hello" });
    expect(said.value.author).toEqual({ user_id: ann.id, name: "Ann", image_url: "https://example.org/ann.png" });
    for (let n = 0; n < 5; n++) await bo.call("POST", path, { content: `line ${n}` });
    const calls = (told: { headers: Headers }) => told.headers.get("server-timing")?.split(", ").length;
    const page = await bo.call("GET", path);
    expect(page.value.items.map(({ author }: { author: { name: string } | null }) => author?.name)).toEqual([
      ...Array(5).fill(undefined),
      "Ann",
    ]);
    // who is in it is remembered: the messages, and the profiles
    expect(calls(page)).toBe(2);
    await put(ann, { name: "Anna" });
    expect((await bo.call("GET", path)).value.items.at(-1).author.name).toBe("Anna");
    const { items } = (await bo.call("GET", `/api/conversations/${room.id}/members`)).value;
    expect(items).toContainEqual({
      user_id: ann.id,
      joined_at: expect.any(String),
      profile: { user_id: ann.id, name: "Anna", image_url: null },
    });
  });

  test("that cannot be read is no reason to read nothing", async () => {
    const { value: room } = await ann.call("POST", "/api/conversations", { user_ids: [bo.id] });
    const path = `/api/rooms/${room.id}/messages`;
    await ann.call("POST", path, { content: "hello" });
    await system.supabase.sql("alter table public.profiles rename to profiles_away");
    try {
      const { status, value } = await bo.call("GET", path);
      expect([status, value.items[0].content, value.items[0].author]).toEqual([200, "hello", null]);
    } finally {
      await system.supabase.sql("alter table public.profiles_away rename to profiles");
    }
  });
});
