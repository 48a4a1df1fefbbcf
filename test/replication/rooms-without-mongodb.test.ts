/** Direct messages while MongoDB is away, or not configured: they go on in Postgres, in the order in which they were posted. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { type OpenCopy, openReplication } from "../../shared/operations/open-replication.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { value } from "../contract/store.ts";
import { type Caller, type RoomSystem, startRoomSystem } from "../integration/room-callers.ts";

type Body = Record<string, unknown>;

let system: RoomSystem;
let copy: OpenCopy;
let close: () => Promise<unknown>;
/** of which MongoDB is away, and of which none is configured */
let away: ApiInstance;
let without: ApiInstance;
let ann: Caller;
let bo: Caller;
let eve: Caller;
let path = "";

beforeAll(async () => {
  system = await startRoomSystem();
  const { supabase, mongoUri } = system;
  const opened = openReplication({
    config: { databases: [{ name: "mongodb", kind: "mongodb", url: mongoUri, variable: "MONGODB_URI" }] },
    service: createClient(supabase.url, supabase.secretKey, { auth: { persistSession: false } }),
    collections: allCollections,
    deadlines: deadlinesOf(),
    log: createLog({ level: "silent" }),
    appName: "test",
  });
  copy = opened.copy as OpenCopy;
  close = opened.close;
  value(await opened.source.switch(true));
  for (const [home, become] of [
    ["supabase", (caller: Caller) => (ann = caller)],
    ["mongodb", (caller: Caller) => (bo = caller)],
    ["supabase", (caller: Caller) => (eve = caller)],
  ] as const)
    become(await system.newCaller(home));
  const room = (await ann.call("POST", "/api/conversations", { user_ids: [bo.id] })).value.id;
  path = `/api/rooms/${room}/messages`;
  await ann.call("POST", path, { content: "before" });
  value(await copy.run());
  // nobody listens there, and nobody who copies reaches it
  const nowhere = new URL(mongoUri);
  nowhere.host = "127.0.0.1:9";
  nowhere.searchParams.set("directConnection", "true");
  const replicate = () => Promise.reject(new Error("MongoDB does not answer"));
  const more = { REQUEST_DEADLINE_MS: "20000", DATABASE_CONNECT_MS: "1000" };
  away = await startApi({ on: supabase, mongoUri: nowhere.href, replicate, more });
  without = await startApi({ on: supabase, mongoUri: "" });
});
afterAll(async () => {
  await away?.close();
  await without?.close();
  await close?.();
  await system?.stop();
});

const contents = async (by: Caller) => {
  const { value: page, headers } = await by.call("GET", path);
  return { source: headers.get("x-data-source"), said: page.items.map(({ content }: Body) => content) };
};

test("what is posted is in Postgres, and in both once MongoDB is back, where no instance misses it meanwhile", async () => {
  const [annAway, boAway] = [system.through(ann, away), system.through(bo, away)];
  expect(await contents(boAway)).toEqual({ source: "replica", said: ["before"] });
  for (const [by, content] of [
    [annAway, "first"],
    [boAway, "second"],
    [annAway, "third"],
  ] as const) {
    const posted = await by.call("POST", path, { content }, { "idempotency-key": content });
    expect([posted.status, posted.headers.get("x-data-source"), posted.value.sender_id]).toEqual([
      201,
      "replica",
      by.id,
    ]);
  }
  const said = ["third", "second", "first", "before"];
  expect(await contents(annAway)).toEqual({ source: "replica", said });
  // an instance that reaches MongoDB, where they are not yet
  expect(await contents(bo)).toEqual({ source: "primary", said });
  // a repeated request is the same message, wherever it is sent
  const again = await annAway.call("POST", path, { content: "third" }, { "idempotency-key": "third" });
  expect(again.status).toBe(201);
  value(await copy.run());
  expect(await contents(bo)).toEqual({ source: "primary", said });
  const documents = await copy.mongo
    .home()
    .collection("direct_messages")
    .find({}, { sort: { created_at: -1 } })
    .toArray();
  expect(documents.map(({ content }) => content)).toEqual(said);
});

test("who is no member is told nothing, and writes nothing, on this way either", async () => {
  const eveAway = system.through(eve, away);
  for (const [method, body] of [
    ["GET", undefined],
    ["POST", { content: "let me in" }],
  ] as const)
    expect((await eveAway.call(method, path, body)).status).toBe(404);
  const [newest] = (await system.through(ann, away).call("GET", path)).value.items;
  const others = system.through(bo, away);
  // not its author
  expect((await others.call("PATCH", `${path}/${newest.id}`, { content: "forged" })).status).toBeGreaterThanOrEqual(
    400,
  );
  const found = await system.supabase.sql(
    "select content from public.direct_messages where content in ('forged', 'let me in')",
  );
  expect(found).toEqual([]);
});

test("without MongoDB configured they live in Postgres, and MongoDB gets them when it comes", async () => {
  const annWithout = system.through(ann, without);
  const posted = await annWithout.call("POST", path, { content: "in Postgres" });
  expect(posted.status).toBe(201);
  const edited = await annWithout.call("PATCH", `${path}/${posted.value.id}`, { content: "in Postgres alone" });
  expect(edited.status).toBe(200);
  expect((await contents(annWithout)).said[0]).toBe("in Postgres alone");
  value(await copy.run());
  expect((await contents(bo)).said[0]).toBe("in Postgres alone");
});
