/** What becomes of somebody's part in rooms: in the export of their account, and when the account is deleted. */
import { createClient } from "@supabase/supabase-js";
import { UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { purgeDocuments } from "../../shared/mongo/purge.ts";
import { keptIn } from "../../shared/placement/kept-collections.ts";
import { runPurges } from "../../shared/placement/purge.ts";
import { purgeControlRecords } from "../../shared/postgres/control-purge.ts";
import { type Caller, type RoomSystem, startRoomSystem } from "./room-callers.ts";

type Body = Record<string, unknown>;

let system: RoomSystem;
beforeAll(async () => {
  system = await startRoomSystem();
});
afterAll(() => system?.stop());

/** As the purge does, in both databases. */
async function purge() {
  const { supabase, mongo } = system;
  const control = createClient(supabase.url, supabase.secretKey, { auth: { persistSession: false } });
  const purged = await runPurges({
    control,
    databases: [
      { name: "supabase", title: "Supabase", system: { purge: (userId) => purgeControlRecords(control, userId, 3) } },
      {
        name: "mongodb",
        title: "MongoDB",
        system: { purge: (userId) => purgeDocuments(mongo.db(), keptIn("mongodb", allCollections), userId) },
      },
    ],
    log: createLog({ level: "silent" }),
    clock: Date.now,
  });
  expect(purged._unsafeUnwrap().failed).toBe(0);
}

/** A conversation and a channel in which both have said something. */
async function talk(one: Caller, other: Caller) {
  const { value: pair } = await one.call("POST", "/api/conversations", { user_ids: [other.id] });
  const { value: server } = await one.call("POST", "/api/servers", { name: "Garden" });
  await other.call("POST", "/api/servers/join", { invite_code: server.invite_code });
  const channel = (await one.call("GET", `/api/servers/${server.id}/channels`)).value.items[0];
  for (const room of [pair.id, channel.id])
    for (const by of [one, other])
      expect((await by.call("POST", `/api/rooms/${room}/messages`, { content: `of ${by.id}` })).status).toBe(201);
  return { pair: pair.id as string, server: server.id as string, channel: channel.id as string };
}
const heard = async (by: Caller, room: string) =>
  (await by.call("GET", `/api/rooms/${room}/messages`)).value.items.map(({ sender_id }: Body) => sender_id);
const remove = (user: Caller) => system.supabase.sql("delete from auth.users where id = $1", [user.id]);
const inMongo = (filter: Body) => system.mongo.db().collection("direct_messages").countDocuments(filter);

describe("an account with rooms", () => {
  test("exports its profile, where it is in, and what it has said, also in rooms that it has left", async () => {
    const [ann, bo] = [await system.newCaller("mongodb"), await system.newCaller("supabase")];
    await ann.call("PUT", "/api/profile", { name: "Ann" });
    const { pair, server, channel } = await talk(bo, ann);
    await ann.call("DELETE", `/api/conversations/${pair}/members/${ann.id}`);
    await ann.call("DELETE", `/api/servers/${server}/members/${ann.id}`);
    await ann.call("POST", "/api/servers", { name: "Own" });
    const { value } = await ann.call("GET", "/api/me/export");
    expect(value.collections).toMatchObject({
      profiles: [{ name: "Ann" }],
      conversation_members: [],
      direct_messages: [{ sender_id: ann.id, conversation_id: pair, content: `of ${ann.id}` }],
      servers: [{ owner_id: ann.id, name: "Own" }],
      members: [{ user_id: ann.id }],
      group_messages: [{ sender_id: ann.id, channel_id: channel, content: `of ${ann.id}` }],
    });
    expect(JSON.stringify(value)).not.toContain(`of ${bo.id}`);
  });

  test.each(["supabase", "mongodb"] as const)(
    "that is deleted, at home in %s, leaves nothing of its own on either side",
    async (home) => {
      const [gone, stays] = [await system.newCaller(home), await system.newCaller("supabase")];
      await gone.call("PUT", "/api/profile", { name: "Gone" });
      const theirs = await talk(gone, stays);
      const others = await talk(stays, gone);
      const alone = await system.newCaller("supabase");
      const { value: between } = await gone.call("POST", "/api/conversations", { user_ids: [alone.id] });
      await alone.call("POST", `/api/rooms/${between.id}/messages`, { content: "hello" });
      await alone.call("DELETE", `/api/conversations/${between.id}/members/${alone.id}`);
      await remove(gone);
      await purge();
      // the conversation stays for who is left, with what they have said
      expect(await heard(stays, others.pair)).toEqual(Array(2).fill(stays.id));
      expect(await heard(stays, others.channel)).toEqual([stays.id]);
      const { items } = (await stays.call("GET", `/api/conversations/${others.pair}/members`)).value;
      expect(items.map(({ user_id }: Body) => user_id)).toEqual([stays.id]);
      // their server goes with them, whatever others have said there
      expect((await stays.call("GET", `/api/servers/${theirs.server}`)).status).toBe(404);
      // where nobody is left, there is nothing
      const sql = (text: string, id: string) => system.supabase.sql(text, [id]);
      expect(await sql("select id from public.conversations where id = $1", between.id)).toEqual([]);
      expect(await inMongo({ sender_id: new UUID(gone.id) })).toBe(0);
      expect((await stays.call("GET", `/api/profiles/${gone.id}`)).status).toBe(404);
      for (const [table, column] of [
        ["profiles", "user_id"],
        ["conversation_members", "user_id"],
        ["members", "user_id"],
        ["servers", "owner_id"],
        ["group_messages", "sender_id"],
        ["direct_messages", "sender_id"],
      ])
        expect([table, await sql(`select id from public.${table} where ${column} = $1`, gone.id)]).toEqual([table, []]);
      expect(await sql("select user_id from switchyard.user_usage where user_id = $1", gone.id)).toEqual([]);
    },
  );
});

test("a conversation that is deleted takes its messages in Postgres with it, and leaves word for MongoDB", async () => {
  const [ann, bo] = [await system.newCaller("supabase"), await system.newCaller("mongodb")];
  const { value: room } = await ann.call("POST", "/api/conversations", { user_ids: [bo.id] });
  const id = crypto.randomUUID();
  await system.supabase.sql(
    "insert into public.direct_messages (conversation_id, id, sender_id, content) values ($1, $2, $3, 'hi')",
    [room.id, id, ann.id],
  );
  await system.supabase.sql("select public.switchyard_replication_switch(true)");
  expect((await ann.call("DELETE", `/api/conversations/${room.id}`)).status).toBe(204);
  await system.supabase.sql("update switchyard.replication set is_on = false");
  expect(await system.supabase.sql("select id from public.direct_messages where id = $1", [id])).toEqual([]);
  const marks = await system.supabase.sql(
    "select collection from switchyard.marks where row_id = any ($1::uuid[]) order by 1",
    [`{${id},${room.id}}`],
  );
  expect(marks).toEqual([{ collection: "conversations" }, { collection: "direct_messages" }]);
  const graves = await system.supabase.sql("select collection from switchyard.tombstones where id = $1", [id]);
  expect(graves).toEqual([{ collection: "direct_messages" }]);
});

test("no message is stored in Postgres without its conversation, whoever writes it", async () => {
  const [ann, bo] = [await system.newCaller("supabase"), await system.newCaller("mongodb")];
  const { value: room } = await ann.call("POST", "/api/conversations", { user_ids: [bo.id] });
  const say = () =>
    system.supabase.sql(
      "insert into public.direct_messages (conversation_id, id, sender_id, content) values ($1, gen_random_uuid(), $2, 'hi')",
      [room.id, ann.id],
    );
  await say();
  expect((await ann.call("DELETE", `/api/conversations/${room.id}`)).status).toBe(204);
  await expect(say()).rejects.toThrow(/row-level security policy/);
});

test("while who is in a conversation is written in its copy, nobody hears that there is no capacity", async () => {
  const [ann, bo] = [await system.newCaller("supabase"), await system.newCaller("mongodb")];
  const place = (database: string, epoch: number) =>
    system.supabase.sql("select public.switchyard_replication_place('conversation_members', $1, $2)", [
      database,
      epoch,
    ]);
  await place("mongodb", 1);
  try {
    const refused = await ann.call("POST", "/api/conversations", { user_ids: [bo.id] });
    expect([refused.status, refused.value.code]).toEqual([503, "busy"]);
  } finally {
    await place("supabase", 2);
  }
});
