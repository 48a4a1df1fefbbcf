/**
 * Rooms, asked by strangers of both homes: through every route of the document, and, for what is in Postgres, through Supabase's
 * REST with their own tokens. A member is a stranger to what is another's.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedCollections } from "../../shared/collections/index.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { type Caller, type RoomSystem, startRoomSystem } from "./room-callers.ts";

type Body = Record<string, unknown>;

const SECRET = "ann-secret-5c1e";
const homes = ["supabase", "mongodb"] as const;
let system: RoomSystem;
let ann: Caller;
let bo: Caller;
const strangers = {} as Record<(typeof homes)[number], Caller>;
const hers = { conversation: "", server: "", channel: "", messages: {} as Record<string, string> };

const say = async (by: Caller, room: string, content: string) => {
  const { status, value, text } = await by.call("POST", `/api/rooms/${room}/messages`, { content });
  expect(status, text).toBe(201);
  return value.id as string;
};

beforeAll(async () => {
  system = await startRoomSystem();
  ann = await system.newCaller("supabase");
  bo = await system.newCaller("mongodb");
  for (const home of homes) strangers[home] = await system.newCaller(home);
  hers.conversation = (
    await ann.call("POST", "/api/conversations", {
      user_ids: [bo.id, (await system.newCaller("supabase")).id],
      name: SECRET,
    })
  ).value.id;
  const server = (await ann.call("POST", "/api/servers", { name: SECRET })).value;
  hers.server = server.id;
  await bo.call("POST", "/api/servers/join", { invite_code: server.invite_code });
  hers.channel = (await ann.call("GET", `/api/servers/${server.id}/channels`)).value.items[0].id;
  for (const room of [hers.conversation, hers.channel]) hers.messages[room] = await say(ann, room, SECRET);
  // as it is in Postgres while MongoDB is away
  await system.supabase.sql(
    "insert into public.direct_messages (conversation_id, id, sender_id, content) values ($1, $2, $3, $4)",
    [hers.conversation, hers.messages[hers.conversation], ann.id, SECRET],
  );
});
afterAll(() => system?.stop());

/** Supabase's REST with that user's own token. */
const restOf = ({ jwt }: Caller) => {
  const { url, publishableKey } = system.supabase;
  return userClient({ SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: publishableKey }, jwt);
};
/** Everything of Ann's rooms, as it stands in Postgres, and what she reads of MongoDB. */
const belongings = async () => [
  await Promise.all(
    Object.keys(sharedCollections).map((name) =>
      system.supabase.sql(`select to_jsonb(t)::text as row from public.${name} t order by 1`),
    ),
  ),
  (await ann.call("GET", `/api/rooms/${hers.conversation}/messages`)).value,
];

const SHARED = /^\/api\/(conversations|servers|rooms)(\/|$)/;
const BODIES: Record<string, Body> = {
  "POST /api/conversations/{id}/members": { user_ids: ["<own>"] },
  "PATCH /api/servers/{id}": { name: "taken", renew_invite_code: true },
  "POST /api/servers/{id}/channels": { name: "taken" },
  "PATCH /api/servers/{id}/channels/{channelId}": { name: "taken" },
  "POST /api/rooms/{id}/messages": { content: "taken" },
  "PATCH /api/rooms/{id}/messages/{messageId}": { content: "taken" },
};

describe.each(homes)("a stranger at home in %s", (home) => {
  test("is told the same of Ann's rooms as of none, by every route", async () => {
    const before = await belongings();
    const by = strangers[home];
    const routes = system.api.operations.filter(({ path }) => SHARED.test(path) && path.includes("{id}"));
    expect(routes.length).toBeGreaterThanOrEqual(19);
    for (const { method, path, takesBody } of routes) {
      const body = BODIES[`${method} ${path}`];
      expect([method, path, takesBody]).toEqual([method, path, body !== undefined]);
      const given = body && JSON.parse(JSON.stringify(body).replace("<own>", by.id));
      const ask = async (ids: Record<string, string>) => {
        const address = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? "");
        const { status, text } = await by.call(method, address, given);
        const neutral = Object.values(ids).reduce((cut, id) => cut.replaceAll(id, "<id>"), text);
        return [method, path, status, neutral];
      };
      const rooms = path.includes("/rooms/")
        ? [hers.conversation, hers.channel]
        : [path.includes("/servers/") ? hers.server : hers.conversation];
      for (const id of rooms) {
        const inner = { userId: ann.id, channelId: hers.channel, messageId: hers.messages[id] ?? crypto.randomUUID() };
        const answer = await ask({ id, ...inner });
        const nowhere = { userId: crypto.randomUUID(), channelId: crypto.randomUUID(), messageId: crypto.randomUUID() };
        expect(answer).toEqual(await ask({ id: crypto.randomUUID(), ...nowhere }));
        expect([method, path, answer[2]]).toEqual([method, path, 404]);
        expect(answer[3]).not.toContain(SECRET);
      }
    }
    expect(await belongings()).toEqual(before);
  });

  test("has nothing of them in any list", async () => {
    for (const path of ["/api/conversations", "/api/servers", "/api/me/export"]) {
      const { text } = await strangers[home].call("GET", path);
      for (const word of [SECRET, hers.conversation, hers.server, hers.channel]) expect(text).not.toContain(word);
    }
  });

  test("reads no row of theirs over REST, and writes none", async () => {
    const before = await belongings();
    const rest = restOf(strangers[home]);
    for (const name of Object.keys(sharedCollections)) {
      const { data, error } = await rest.from(name).select("*");
      expect([name, data, error]).toEqual([name, [], null]);
    }
    for (const [table, room, column] of [
      ["direct_messages", hers.conversation, "conversation_id"],
      ["group_messages", hers.channel, "channel_id"],
    ] as const) {
      for (const sender_id of [strangers[home].id, ann.id]) {
        const row = { id: crypto.randomUUID(), [column]: room, sender_id, content: "forged" };
        expect((await rest.from(table).insert(row)).error?.code).toBe("42501");
      }
      const id = hers.messages[room] ?? "";
      expect((await rest.from(table).update({ content: "forged" }).eq("id", id).select("id")).data ?? []).toEqual([]);
      expect((await rest.from(table).delete().eq("id", id)).error?.code).toBe("42501");
    }
    for (const [table, row] of [
      [
        "conversation_members",
        { id: crypto.randomUUID(), user_id: strangers[home].id, conversation_id: hers.conversation },
      ],
      ["members", { id: crypto.randomUUID(), user_id: strangers[home].id, server_id: hers.server }],
      ["channels", { id: crypto.randomUUID(), server_id: hers.server, name: "x" }],
      [
        "servers",
        {
          id: hers.server,
          server_id: hers.server,
          owner_id: strangers[home].id,
          name: "x",
          invite_code: "x".repeat(16),
        },
      ],
      [
        "conversations",
        { id: hers.conversation, conversation_id: hers.conversation, kind: "group", created_by: ann.id },
      ],
      ["profiles", { id: crypto.randomUUID(), user_id: ann.id, name: "x" }],
    ] as const) {
      for (const { error } of [await rest.from(table).insert(row), await rest.from(table).upsert(row)])
        expect([table, error?.code]).toEqual([table, "42501"]);
    }
    expect(await belongings()).toEqual(before);
  });

  test("calls none of the functions that say who is in which room", async () => {
    const rest = restOf(strangers[home]);
    const named = await system.supabase.sql<{ name: string; names: string[] }>(
      `select proname::text as name, proargnames[1:pronargs] as names from pg_proc
       where pronamespace = 'public'::regnamespace and proname ~ '(conversation|server|channel)' order by 1`,
    );
    expect(named.length).toBe(13);
    for (const { name, names } of named) {
      const { error } = await rest.rpc(name, Object.fromEntries(names.map((each) => [each, ann.id])));
      expect([name, error?.code]).toEqual([name, expect.stringMatching(/^(42501|PGRST202|22P02|42804)$/)]);
    }
  });
});

describe("a member", () => {
  test("reads over REST what is said, and posts as nobody else, at no other time", async () => {
    const rest = restOf(bo);
    for (const [table, room, column] of [
      ["direct_messages", hers.conversation, "conversation_id"],
      ["group_messages", hers.channel, "channel_id"],
    ] as const) {
      const { data } = await rest.from(table).select("content, sender_id").eq(column, room);
      expect(data).toContainEqual({ content: SECRET, sender_id: ann.id });
      const row = { id: crypto.randomUUID(), [column]: room, content: "mine" };
      expect((await rest.from(table).insert({ ...row, sender_id: ann.id })).error?.code).toBe("42501");
      for (const forged of [
        { created_at: "2000-01-01T00:00:00Z" },
        { updated_at: "2000-01-01T00:00:00Z" },
        { version: 1 },
      ])
        expect((await rest.from(table).insert({ ...row, sender_id: bo.id, ...forged })).error?.code).toBe("42501");
      const times = { edited_at: "2000-01-01T00:00:00Z", is_deleted: true };
      const made = await rest
        .from(table)
        .insert({ ...row, sender_id: bo.id, ...times })
        .select("*");
      expect(made.error).toBeNull();
      expect(made.data?.[0]).toMatchObject({ sender_id: bo.id, edited_at: null, is_deleted: false });
      const update = async (changes: Body, id: string = row.id) =>
        rest.from(table).update(changes).eq("id", id).select("*");
      for (const forged of [
        { sender_id: ann.id },
        { [column]: crypto.randomUUID() },
        { created_at: "2000-01-01T00:00:00Z" },
      ])
        expect((await update(forged)).error?.code).toBe("42501");
      const edited = (await update({ content: "changed", edited_at: "2000-01-01T00:00:00Z" })).data?.[0];
      expect(Math.abs(Date.parse(edited.edited_at) - Date.now())).toBeLessThan(600_000);
      expect((await update({ is_deleted: true, content: "still here" })).data?.[0]).toMatchObject({
        content: null,
        is_deleted: true,
      });
      expect((await update({ is_deleted: false, content: "back" })).data?.[0]).toMatchObject({
        content: null,
        is_deleted: true,
      });
      expect((await update({ content: "hers" }, hers.messages[room])).data).toEqual([]);
      expect((await rest.from(table).delete().eq("id", row.id)).error?.code).toBe("42501");
    }
  });

  test("sees who is in their rooms, and lets nobody in or out over REST", async () => {
    const rest = restOf(bo);
    const people = (await rest.from("members").select("user_id").eq("server_id", hers.server)).data ?? [];
    expect(people.map(({ user_id }) => user_id).sort()).toEqual([ann.id, bo.id].sort());
    expect((await rest.from("conversation_members").select("user_id")).data).toHaveLength(3);
    const stranger = strangers.mongodb.id;
    const row = { id: crypto.randomUUID(), user_id: stranger, conversation_id: hers.conversation };
    expect((await rest.from("conversation_members").insert(row)).error?.code).toBe("42501");
    for (const table of ["conversation_members", "members"])
      for (const { error } of [
        await rest.from(table).delete().eq("user_id", ann.id),
        await rest.from(table).update({ user_id: stranger }).eq("user_id", bo.id),
      ])
        expect([table, error?.code]).toEqual([table, "42501"]);
    for (const table of ["conversations", "servers", "channels"])
      expect((await rest.from(table).update({ name: "x" }).neq("name", "")).error?.code).toBe("42501");
  });

  test("who has been removed reads nothing more over REST but what they have said", async () => {
    const gone = await system.newCaller("supabase");
    await ann.call("POST", `/api/conversations/${hers.conversation}/members`, { user_ids: [gone.id] });
    const rest = restOf(gone);
    const row = { conversation_id: hers.conversation, id: crypto.randomUUID(), sender_id: gone.id, content: "mine" };
    expect((await rest.from("direct_messages").insert(row)).error).toBeNull();
    expect((await rest.from("direct_messages").select("id")).data?.length).toBeGreaterThan(1);
    await ann.call("DELETE", `/api/conversations/${hers.conversation}/members/${gone.id}`);
    expect((await rest.from("direct_messages").select("content")).data).toEqual([{ content: "mine" }]);
    expect(
      (await rest.from("direct_messages").update({ content: "later" }).eq("id", row.id).select("id")).data,
    ).toEqual([]);
    expect((await rest.from("direct_messages").insert({ ...row, id: crypto.randomUUID() })).error?.code).toBe("42501");
  });
});
