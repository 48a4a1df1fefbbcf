/** A collection that both databases write, while the way to one of them fails: it goes on, and nothing is seen and then not. */
import { MongoClient } from "mongodb";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { type OpenCopy, openReplication } from "../../shared/operations/open-replication.ts";
import { FAILURES } from "../../shared/placement/breaker.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { value } from "../contract/store.ts";
import { notes } from "../replication/collections.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT } from "../setup/patience.ts";
import { MONGODB } from "../setup/repositories.ts";
import type { TestUser } from "../setup/users.ts";
import type { Mode } from "./proxy.ts";
import { atSomeScale, TooSlow } from "./scale.ts";
import { type FailingSystem, type Instance, startFailingSystem } from "./system.ts";

const FAULTS: readonly Mode[] = ["refuse", "hang", "cut"];
const collections = [...allCollections, notes];
const LONG_MS = 20_000;

let supabase: OwnDatabase;
let system: FailingSystem;
let copy: OpenCopy;
let close: () => Promise<unknown>;
let ann: TestUser;
/** whoever copies does not reach MongoDB either */
let isAwayForAll = false;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  await supabase.sql(`do $script$ begin execute $text$${collectionSql(notes, collections)}$text$; end $script$`);
  system = await startFailingSystem({ collections, supabase });
  const mongo = new MongoClient(system.mongo);
  await prepareMongo(mongo.db(), [notes], MONGODB);
  await mongo.close();
  const config = loadApiConfig({
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    MONGODB_URI: system.mongo,
  });
  const opened = openReplication({
    config,
    service: serviceClient(config),
    collections: [notes],
    deadlines: deadlinesOf(config),
    log: createLog({ level: "silent" }),
    appName: "switchyard-test",
  });
  copy = opened.copy as OpenCopy;
  close = opened.close;
  value(await opened.source.switch(true));
  value(await copy.run());
  ann = await system.user("supabase");
});
afterEach(async () => {
  isAwayForAll = false;
  await Promise.all(Object.values(system.proxies).map((proxy) => proxy.set("pass")));
  value(await copy.run());
});
afterAll(async () => {
  await close?.();
  await system?.stop();
});

let replications = 0;
const replicate = async () => {
  replications++;
  if (isAwayForAll) throw new Error("MongoDB does not answer");
  value(await copy.run());
};
const through = (deadlineMs: number) => system.instance(deadlineMs, deadlineMs, { replicate });
/** One whose way to MongoDB does not fail. What it writes is not copied at once. */
const beside = (deadlineMs: number, copies = async () => {}) =>
  system.instance(deadlineMs, deadlineMs, { replicate: copies, environment: { MONGODB_URI: system.mongo } });

const headers = { "content-type": "application/json" };
let posted = 0;
/** The id of what was made. */
const post = async ({ request }: Instance): Promise<string> => {
  const body = JSON.stringify({ text: `Note ${posted++}` });
  const answer = await request("/api/notes", ann, { method: "POST", body, headers });
  if (answer.status === 503) throw new TooSlow(await answer.text());
  expect([answer.status, await answer.clone().text()]).toEqual([201, expect.any(String)]);
  return ((await answer.json()) as { id: string }).id;
};
const list = async ({ request }: Instance) => {
  const answer = await request("/api/notes?sort=-created_at&limit=200", ann);
  if (answer.status === 503) throw new TooSlow(await answer.text());
  const { items } = (await answer.json()) as { items: { id: string }[] };
  return { ids: items.map(({ id }) => id), source: answer.headers.get("x-data-source") };
};
const untilPrimary = (instance: Instance) =>
  vi.waitUntil(async () => (await list(instance)).source === "primary", PATIENT);

describe.each(FAULTS)("MongoDB: %s", (fault) => {
  test("reading and posting go on in Postgres, and nothing that was seen is missing when MongoDB is back", () =>
    atSomeScale(async (deadlineMs) => {
      const instance = through(deadlineMs);
      const seen = [await post(instance)];
      value(await copy.run());
      isAwayForAll = true;
      await system.proxies.mongodb.set(fault);
      for (let n = 0; n < FAILURES + 2; n++) {
        seen.push(await post(instance));
        const { ids, source } = await list(instance);
        expect([source, ids]).toEqual(["replica", expect.arrayContaining(seen)]);
      }
      await system.proxies.mongodb.set("pass");
      // nobody copies yet: what Postgres alone has is in the list all the same
      await untilPrimary(instance);
      expect((await list(instance)).ids).toEqual(expect.arrayContaining(seen));
      expect(instance.lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ event: "fallback", collection: "notes", operation: "create", database: "mongodb" }),
      );
      isAwayForAll = false;
      value(await copy.run());
      const documents = await copy.mongo.home().collection("notes").countDocuments({ _deleted_at: null });
      const { ids } = await list(instance);
      expect([documents, ids]).toEqual([ids.length, expect.arrayContaining(seen)]);
      // in the order in which they were made
      expect(ids.filter((id) => seen.includes(id))).toEqual(seen.toReversed());
    }));
});

test("an edit that goes to Postgres is in MongoDB afterwards, and one of what Postgres has not seen is not refused", () =>
  atSomeScale(async (deadlineMs) => {
    const instance = through(deadlineMs);
    const known = await post(instance);
    value(await copy.run());
    isAwayForAll = true;
    const unseen = await post(instance);
    await system.proxies.mongodb.set("refuse");
    const patch = (id: string) =>
      instance.request(`/api/notes/${id}`, ann, { method: "PATCH", body: `{"text":"Edited"}`, headers });
    // until the breaker is open an edit might have been done
    await vi.waitUntil(async () => (await patch(known)).status === 200, PATIENT);
    expect((await patch(unseen)).status).toBe(503);
    isAwayForAll = false;
    await system.proxies.mongodb.set("pass");
    await untilPrimary(instance);
    value(await copy.run());
    const edited = await instance.request(`/api/notes/${known}`, ann);
    expect(await edited.json()).toMatchObject({ text: "Edited" });
  }));

test("of two instances one thinks that MongoDB is down: what either has answered is in what both list", async () => {
  // with time enough for whoever copies, on a slow machine, too
  const [lost, fine] = [through(LONG_MS), beside(LONG_MS)];
  await list(fine);
  await system.proxies.mongodb.set("refuse");
  const seen: string[] = [];
  for (let n = 0; n < 8; n++) {
    seen.push(await post(n % 2 ? lost : fine));
    for (const instance of [fine, lost]) expect((await list(instance)).ids).toEqual(expect.arrayContaining(seen));
  }
});

test("an instance that has not noticed that MongoDB is back sees at once what others post there", async () => {
  // the one that is lost waits for nobody by then
  const [lost, fine] = [through(LONG_MS / 4), beside(LONG_MS, replicate)];
  const seen = [await post(fine)];
  value(await copy.run());
  isAwayForAll = true;
  await system.proxies.mongodb.set("refuse");
  // until it believes that nobody can copy, and reads without
  await vi.waitUntil(async () => {
    const before = replications;
    return (await list(lost)).source === "replica" && replications === before;
  }, PATIENT);
  isAwayForAll = false;
  for (let n = 0; n < 4; n++) {
    seen.push(await post(fine));
    const { ids, source } = await list(lost);
    expect([source, ids]).toEqual(["replica", expect.arrayContaining(seen)]);
  }
});

test("without Supabase they go on in MongoDB", () =>
  atSomeScale(async (deadlineMs) => {
    const instance = through(deadlineMs);
    await list(instance);
    await system.proxies.supabase.set("refuse");
    const id = await post(instance);
    const { ids, source } = await list(instance);
    expect([source, ids]).toEqual(["primary", expect.arrayContaining([id])]);
  }));

test("without MongoDB they are in Postgres, and in MongoDB once there is one", async () => {
  const instance = system.instance(LONG_MS, LONG_MS, { environment: { MONGODB_URI: "" } });
  const id = await post(instance);
  expect((await list(instance)).ids).toContain(id);
  value(await copy.run());
  expect((await list(beside(LONG_MS))).ids).toContain(id);
});
