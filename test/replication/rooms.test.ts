/** Rooms while Postgres is away: who is in which is known from the copy, and direct messages go on in MongoDB. */
import { createClient } from "@supabase/supabase-js";
import { UUID } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { openReplication } from "../../shared/operations/open-replication.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { value } from "../contract/store.ts";
import { type Caller, type RoomSystem, startRoomSystem } from "../integration/room-callers.ts";
import { replicaOf } from "../setup/prepared-mongo.ts";

type Body = Record<string, unknown>;

let system: RoomSystem;
let replication: ReturnType<typeof openReplication>;
let away: ApiInstance;
let ann: Caller;
let bo: Caller;
let eve: Caller;
const rooms = { conversation: "", channel: "", server: "" };

beforeAll(async () => {
  system = await startRoomSystem();
  const { supabase, mongoUri } = system;
  replication = openReplication({
    config: { databases: [{ name: "mongodb", kind: "mongodb", url: mongoUri, variable: "MONGODB_URI" }] },
    service: createClient(supabase.url, supabase.secretKey, { auth: { persistSession: false } }),
    collections: allCollections,
    deadlines: deadlinesOf(),
    log: createLog({ level: "silent" }),
    appName: "test",
  });
  value(await replication.source.switch(true));
  ann = await system.newCaller("supabase");
  bo = await system.newCaller("mongodb");
  eve = await system.newCaller("supabase");
  await ann.call("PUT", "/api/profile", { name: "Ann" });
  rooms.conversation = (await ann.call("POST", "/api/conversations", { user_ids: [bo.id] })).value.id;
  const { id, invite_code } = (await ann.call("POST", "/api/servers", { name: "Garden" })).value;
  await bo.call("POST", "/api/servers/join", { invite_code });
  rooms.server = id;
  rooms.channel = (await ann.call("GET", `/api/servers/${id}/channels`)).value.items[0].id;
  for (const room of [rooms.conversation, rooms.channel])
    await ann.call("POST", `/api/rooms/${room}/messages`, { content: "before" });
  value(await (replication.copy as NonNullable<typeof replication.copy>).worker.run());
  // nobody listens there
  away = await startApi({ on: { ...supabase, url: "http://127.0.0.1:9", directUrl: "" }, mongoUri });
});
afterAll(async () => {
  await away?.close();
  await replication?.close();
  await system?.stop();
});

const during = (by: Caller) => system.through(by, away);

test("direct messages are read and posted, with their authors, and come back with everything else", async () => {
  const path = `/api/rooms/${rooms.conversation}/messages`;
  const read = await during(bo).call("GET", path);
  expect([read.status, read.headers.get("x-data-source")]).toEqual([200, "primary"]);
  expect(read.value.items).toMatchObject([{ content: "before", author: { user_id: ann.id, name: "Ann" } }]);
  const posted = await during(bo).call("POST", path, { content: "meanwhile" });
  expect(posted.status).toBe(201);
  expect((await during(bo).call("PATCH", `${path}/${posted.value.id}`, { content: "still" })).status).toBe(200);
  const after = (await ann.call("GET", path)).value.items;
  expect(after.map(({ content }: Body) => content)).toEqual(["still", "before"]);
});

test("conversations and who is in them are read from the copy, which says so", async () => {
  const list = await during(ann).call("GET", "/api/conversations");
  expect([list.status, list.headers.get("x-data-source")]).toEqual([200, "replica"]);
  expect(list.value.items).toMatchObject([{ id: rooms.conversation, kind: "pair" }]);
  expect((await during(ann).call("GET", `/api/conversations/${rooms.conversation}`)).status).toBe(200);
  const people = (await during(ann).call("GET", `/api/conversations/${rooms.conversation}/members`)).value.items;
  expect(people.map(({ user_id }: Body) => user_id).sort()).toEqual([ann.id, bo.id].sort());
  expect((await during(bo).call("GET", `/api/profiles/${ann.id}`)).value.name).toBe("Ann");
});

test("what the copy does not know is not denied: nobody says that there is no such room, profile or channel", async () => {
  for (const [by, path] of [
    [eve, `/api/rooms/${rooms.conversation}/messages`],
    [ann, `/api/rooms/${crypto.randomUUID()}/messages`],
    [ann, `/api/rooms/${rooms.channel}/messages`],
    [ann, `/api/profiles/${eve.id}`],
    [ann, `/api/servers/${rooms.server}`],
  ] as const) {
    const { status, text } = await during(by).call("GET", path);
    expect([path, status]).toEqual([path, 503]);
    expect(text).not.toContain("before");
  }
  for (const [method, path, body] of [
    ["POST", "/api/conversations", { user_ids: [eve.id] }],
    ["DELETE", `/api/conversations/${rooms.conversation}/members/${ann.id}`, undefined],
    ["PUT", "/api/profile", { name: "Anna" }],
  ] as const)
    expect([path, (await during(ann).call(method, path, body)).status]).toEqual([path, 503]);
});

test("the copy is of the same names and nesting, and has its tombstones", async () => {
  const replica = replicaOf(system.mongo.db());
  const conversation = await replica
    .collection("conversations")
    .findOne({ _id: new UUID(rooms.conversation) as never });
  expect(conversation).toMatchObject({ kind: "pair", name: null, conversation_id: new UUID(rooms.conversation) });
  const { value: other } = await ann.call("POST", "/api/conversations", { user_ids: [bo.id, eve.id] });
  const { worker } = replication.copy as NonNullable<typeof replication.copy>;
  value(await worker.run());
  expect((await during(eve).call("GET", "/api/conversations")).value.items).toHaveLength(1);
  await ann.call("DELETE", `/api/conversations/${other.id}`);
  value(await worker.run());
  expect((await during(eve).call("GET", "/api/conversations")).value.items).toEqual([]);
});
