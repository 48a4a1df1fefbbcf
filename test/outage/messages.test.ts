/**
 * A real server dies (SIGKILL) while two people write to each other through two instances of the API, with the edge function that
 * copies. What was acknowledged is there at once and for good, and afterwards both sides are equal.
 */
import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { type OpenReplication, openReplication } from "../../shared/operations/open-replication.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { backfill } from "../../shared/replication/backfill.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { value } from "../contract/store.ts";
import { PATIENT } from "../setup/patience.ts";
import type { TestUser } from "../setup/users.ts";
import type { Instance } from "./instance.ts";
import { ask } from "./requests.ts";
import { control } from "./servers.ts";
import { scaled } from "./speed.ts";
import { HOMES, type OutageSystem, startOutageSystem } from "./system.ts";

let system: OutageSystem;
let replication: OpenReplication;
let instances: Instance[];
let people: TestUser[];
let mongo: MongoClient;
let path = "";

beforeAll(async () => {
  system = await startOutageSystem({ functions: true });
  mongo = new MongoClient(system.mongoUri);
  const { url, secretKey, publishableKey } = system.supabase;
  const config = loadApiConfig({
    SUPABASE_URL: url,
    SUPABASE_SECRET_KEY: secretKey,
    SUPABASE_PUBLISHABLE_KEY: publishableKey,
    MONGODB_URI: system.mongoUri,
  });
  replication = openReplication({
    config,
    service: serviceClient(config),
    collections: allCollections,
    deadlines: deadlinesOf(config),
    log: createLog({ level: "silent" }),
    appName: "switchyard-test",
  });
  const { source, collections, copy } = replication;
  if (!copy) throw new Error("there is no copy");
  // the servers may have served another system's copy before
  value(await backfill({ source, ...copy, collections, restart: true }));
  value(await copy.run());
  instances = [await system.instance(), await system.instance()];
  people = [await system.user("supabase"), await system.user("mongodb")];
  const [ann, bo] = people as [TestUser, TestUser];
  const made = await ask(instances[0]?.url ?? "", ann, "/api/conversations", { body: { user_ids: [bo.id] } });
  expect([made.status, made.body.code]).toEqual([201, undefined]);
  path = `/api/rooms/${made.body.id}/messages`;
  // who is in it has to be known while Postgres is away
  await vi.waitUntil(isCopied, PATIENT);
});
afterAll(async () => {
  await mongo?.close();
  await replication?.close();
  await system?.stop();
});

/** Whether nothing is marked; one that does not answer may be back in a moment. */
const isCopied = async () =>
  (await replication.source.status()).match(
    ({ pending }) => pending === 0,
    () => false,
  );

/** Whether both have everything: whoever is woken by the last write has it copied. */
const isEverywhere = async () =>
  (await isCopied()) && (await mongo.db().collection("direct_messages").countDocuments(UNSENT)) === 0;
const UNSENT = { _dirty: { $exists: true } };

/** Acknowledged, in that order. */
const said: string[] = [];

/** Posts until so many are acknowledged, by turns; each of them is in what either instance lists from then on. */
async function converse(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const key = randomUUID();
    const post = () =>
      ask(instances[n % 2]?.url ?? "", people[n % 2] as TestUser, path, {
        body: { content: key },
        headers: { "idempotency-key": key },
      });
    const answer = await vi.waitFor(async () => {
      const found = await post();
      times.push(found.ms);
      if (found.status !== 201) throw new Error(`${found.status} ${found.body.detail}`);
      return found;
    }, PATIENT);
    said.push(String(answer.body.id));
    for (const { url } of instances) {
      const { ids, source } = await read(url);
      const missing = said.slice(-150).filter((id) => !ids.includes(id));
      expect({ source, missing }).toEqual({ source, missing: [] });
    }
  }
  return times;
}

const read = async (url: string) => {
  const answer = await vi.waitFor(async () => {
    const found = await ask(url, people[0] as TestUser, `${path}?limit=200`);
    if (found.status !== 200) throw new Error(`${found.status} ${found.body.detail}`);
    return found;
  }, PATIENT);
  const items = answer.body.items as { id: string }[];
  return { ids: items.map(({ id }) => id), source: answer.headers.get("x-data-source") };
};
const listed = async (url: string) => (await read(url)).ids;

describe.each(HOMES)("%s is killed", (home) => {
  test("they go on, and nothing is lost or out of sight", async () => {
    await converse(6);
    // what MongoDB took in the moment before it dies is out of sight until it is back
    await vi.waitUntil(isEverywhere, PATIENT);
    let isUp = true;
    // once: a server that runs is not to be started
    const start = async () => {
      if (!isUp) await control("start", home);
      isUp = true;
    };
    onTestFinished(start);
    isUp = false;
    await control("kill", home);
    const times = await converse(12);
    // before the breaker is open each waits for a part of its time; then what was written first is announced
    expect(Math.max(...times)).toBeLessThan(scaled(4_000));
    await start();
    const back = performance.now();
    for (const { url } of instances) await vi.waitUntil(async () => (await read(url)).source === "primary", PATIENT);
    expect(performance.now() - back).toBeLessThan(scaled(8_000));
    await converse(6);

    const { source, collections, copy } = replication;
    await vi.waitUntil(isEverywhere, PATIENT);
    for (const collection of collections)
      if (copy) {
        const found = value(await verifyCollection({ source, mongo: copy.mongo, collection, deep: true }));
        expect([collection.name, found.differences]).toEqual([collection.name, []]);
      }
    const [first] = instances as [Instance];
    expect((await listed(first.url)).filter((id) => said.includes(id))).toEqual(said.toReversed());
    const conflicts = await system.supabase.sql("select collection from switchyard.conflicts");
    expect(conflicts).toEqual([]);
  });
});
