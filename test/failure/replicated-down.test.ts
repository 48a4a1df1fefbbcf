/** A collection with a replica, while the way to its primary fails: read from the replica, not written, and back by itself. */
import { MongoClient } from "mongodb";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import type { Collection, RecordOf } from "../../shared/definition/define.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { prepareMongo, REPLICA } from "../../shared/mongo/prepare.ts";
import { replicaName } from "../../shared/mongo/replica.ts";
import { FAILURES } from "../../shared/placement/breaker.ts";
import { copyOf, guests, guestsSql } from "../integration/guests.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT } from "../setup/patience.ts";
import { MONGODB } from "../setup/repositories.ts";
import type { TestUser } from "../setup/users.ts";
import type { Mode } from "./proxy.ts";
import { atSomeScale, TooSlow } from "./scale.ts";
import { type FailingSystem, type Instance, startFailingSystem } from "./system.ts";

const FAULTS: readonly Mode[] = ["refuse", "hang", "cut"];
const collections = [...allCollections, guests as unknown as Collection];
const PATIENT_MS = 60_000;

let supabase: OwnDatabase;
let system: FailingSystem;
let mongo: MongoClient;
let ann: TestUser;
let made: RecordOf<typeof guests>;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  await supabase.sql(guestsSql());
  system = await startFailingSystem({ collections, supabase });
  mongo = new MongoClient(system.mongo);
  const copies = mongo.db(`${databaseName(system.mongo)}_replica`);
  await prepareMongo(
    copies,
    [guests as unknown as Collection],
    { ...MONGODB, name: replicaName(MONGODB.name) },
    REPLICA,
  );
  ann = await system.user("supabase");
  const body = JSON.stringify({ name: "Bob", spent: "1", currency: "EUR" });
  const headers = { "content-type": "application/json" };
  const created = await system.instance(PATIENT_MS).request("/api/guests", ann, { method: "POST", body, headers });
  made = (await created.json()) as typeof made;
  await copies.collection(guests.name).insertOne(copyOf(made));
});
const allPass = () => Promise.all(Object.values(system.proxies).map((proxy) => proxy.set("pass")));
afterEach(allPass);
afterAll(async () => {
  await mongo?.db(`${databaseName(system.mongo)}_replica`).dropDatabase();
  await mongo?.close();
  await system?.stop();
});

const read = async ({ request }: Instance, path = `/${made.id}`) => {
  const response = await request(`/api/guests${path}`, ann);
  return { status: response.status, source: response.headers.get("x-data-source"), body: await response.text() };
};
const isFromPrimary = (instance: Instance) =>
  vi.waitUntil(async () => (await read(instance)).source === "primary", PATIENT);

/** What it says of the record, by way of the replica; the time was over before where there is no answer. */
const fromReplica = async (instance: Instance) => {
  const answer = await read(instance);
  if (answer.status === 503) throw new TooSlow(answer.body);
  expect(answer).toEqual({ status: 200, source: "replica", body: JSON.stringify(made) });
};

/** An instance whose primary has answered in its part of the time, so that what follows is the fault's doing. */
const onInstance = (attempt: (instance: Instance) => Promise<void>) =>
  atSomeScale(async (deadlineMs) => {
    await allPass();
    const instance = system.instance(deadlineMs);
    // the first meets connections that were cut before, and opens new ones
    for (let tries = 0; (await read(instance)).source !== "primary"; tries++)
      if (tries === FAILURES) throw new TooSlow();
    await attempt(instance);
  });

describe.each(FAULTS)("Supabase: %s", (fault) => {
  test("the first read is from the replica, in the time of one request", () =>
    onInstance(async (instance) => {
      await system.proxies.supabase.set(fault);
      await fromReplica(instance);
      expect(instance.lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ event: "fallback", collection: "guests", operation: "get", database: "supabase" }),
      );
    }));

  test("all reads are while the breaker is open, and none once the primary is back", () =>
    onInstance(async (instance) => {
      await system.proxies.supabase.set(fault);
      // each is answered, and its failure counted
      await vi.waitUntil(async () => {
        await Promise.all(Array.from({ length: FAILURES }, () => fromReplica(instance)));
        return instance.lines.some((line) => line.includes("breaker_open"));
      }, PATIENT);
      for (let reads = 0; reads < 20; reads++) await fromReplica(instance);
      await system.proxies.supabase.set("pass");
      await isFromPrimary(instance);
      expect(instance.lines.some((line) => line.includes("breaker_closed"))).toBe(true);
    }));

  test("writes are refused, and say when to come back", () =>
    onInstance(async (instance) => {
      await system.proxies.supabase.set(fault);
      const headers = { "content-type": "application/json" };
      for (const [method, path, body] of [
        ["POST", "", JSON.stringify({ name: "Eve", spent: "1", currency: "EUR" })],
        ["PATCH", `/${made.id}`, "{}"],
        ["DELETE", `/${made.id}`, undefined],
      ] as const) {
        const init = { method, headers, ...(body !== undefined && { body }) };
        const refused = await instance.request(`/api/guests${path}`, ann, init);
        expect([method, refused.status]).toEqual([method, 503]);
        expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(refused.headers.has("x-data-source")).toBe(false);
      }
    }));
});

test("with MongoDB away, too, reads are unavailable", async () => {
  const instance = system.instance(500);
  await system.proxies.supabase.set("refuse");
  await system.proxies.mongodb.set("hang");
  for (let reads = 0; reads < 2; reads++) expect(await read(instance)).toMatchObject({ status: 503, source: null });
});

test("MongoDB that is away is nothing to a primary that is there", () =>
  atSomeScale(async (deadlineMs) => {
    await system.proxies.mongodb.set("hang");
    const answer = await read(system.instance(deadlineMs));
    if (answer.status === 503) throw new TooSlow();
    expect(answer).toMatchObject({ status: 200, source: "primary" });
  }));
