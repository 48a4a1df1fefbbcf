/** The shop's collections, as the development system copies them: brought up, kept up, and purged with their users. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { type Db, MongoClient, UUID } from "mongodb";
import { uuidv7 } from "uuidv7";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startReplicationLoop } from "../../scripts/dev/replication-loop.ts";
import { allCollections, collections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { type OpenReplication, openReplication } from "../../shared/operations/open-replication.ts";
import { copiedTo } from "../../shared/placement/kept-collections.ts";
import { runPurges } from "../../shared/placement/purge.ts";
import { createRouter, type RouterOptions } from "../../shared/placement/router.ts";
import { purgeControlRecords } from "../../shared/postgres/control-purge.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { value } from "../contract/store.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT, PATIENT_VARIABLES } from "../setup/patience.ts";
import { dropHome, prepareHome, replicaOf } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { newUser, type TestUser } from "../setup/users.ts";

const NAMES = ["shops", "customers", "payments"] as const;
const log = createLog({ level: "silent" });

let supabase: OwnDatabase;
let service: SupabaseClient;
let mongo: MongoClient;
let replica: Db;
let replication: OpenReplication;
let config: RouterOptions["config"];
const troubles: string[] = [];

beforeAll(async () => {
  supabase = await startOwnDatabase();
  const url = mongoUriFor(`shop_${crypto.randomUUID().slice(0, 8)}`);
  mongo = new MongoClient(url);
  await prepareHome(mongo.db());
  replica = replicaOf(mongo.db());
  service = createClient(supabase.url, supabase.secretKey, { auth: { persistSession: false } });
  const deadlines = Object.fromEntries(Object.entries(PATIENT_VARIABLES).map(([name, ms]) => [name, Number(ms)]));
  config = {
    SUPABASE_URL: supabase.url,
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    databases: [{ name: "mongodb", kind: "mongodb", url, variable: "MONGODB_URI" }],
    ...deadlines,
  };
  replication = openReplication({ ...settings(), appName: "test" });
});
afterAll(async () => {
  await replication?.close();
  if (mongo) await dropHome(mongo.db());
  await mongo?.close();
  await supabase?.stop();
});

const settings = () => ({ config, service, collections: allCollections, deadlines: deadlinesOf(config), log });
const startLoop = () =>
  startReplicationLoop({
    ...settings(),
    sql: supabase.sql,
    replicate: async () => void value(await (replication.copy as NonNullable<typeof replication.copy>).worker.run()),
    trouble: (message) => troubles.push(message),
    everyMs: 20,
  });

/** A shop, two customers and three payments. */
async function fill(router: ReturnType<typeof createRouter>, user: TestUser): Promise<void> {
  value(await value(await router.repository(collections.shops, user)).create({ name: "Corner shop", currency: "EUR" }));
  const customers = value(await router.repository(collections.customers, user));
  const payments = value(await router.repository(collections.payments, user));
  for (const name of ["Mina", "Noor"]) {
    const { id } = value(await customers.create({ id: uuidv7(), name, contact: { city: ["Łódź"] } }));
    value(await payments.create({ customer_id: id, amount: "1.50", currency: "EUR", date: "2026-03-14" }));
  }
}
const living = async (userId: string): Promise<number[]> =>
  Promise.all(NAMES.map((name) => replica.collection(name).countDocuments(ofUser(userId, { _deleted_at: null }))));
const ofUser = (userId: string, more: object = {}) => ({ owner_id: new UUID(userId), ...more });
const differences = async () => {
  const found = [];
  for (const collection of replication.collections)
    found.push(
      ...value(
        await verifyCollection({
          source: replication.source,
          mongo: { replica: () => replica, home: () => replica },
          collection,
          deep: true,
        }),
      ).differences,
    );
  return found;
};

describe("the loop of the development system", () => {
  test("brings up what was there before it, once, and copies what is written from then on", async () => {
    const router = createRouter({ config, collections: allCollections, log, replicate: async () => {} });
    const before = await newUser({ home: "supabase", on: supabase });
    await fill(router, before);
    expect(value(await replication.source.status()).is_on).toBe(false);
    const loop = startLoop();
    try {
      await expect.poll(() => living(before.id), PATIENT).toEqual([1, 2, 2]);
      const after = await newUser({ home: "mongodb", on: supabase });
      await fill(router, after);
      await expect.poll(() => living(after.id), PATIENT).toEqual([1, 2, 2]);
      expect(await differences()).toEqual([]);
      const { pending, collections: each } = value(await replication.source.status());
      const copied = copiedTo("mongodb", allCollections).map(({ name }) => name);
      const done = each.filter(({ collection, backfill }) => copied.includes(collection) && backfill?.done_at);
      expect([pending, done.map(({ collection }) => collection)]).toEqual([0, copied]);
    } finally {
      await loop.stop();
      await router.close();
    }
    expect(troubles).toEqual([]);
  });

  test("leaves alone what somebody has switched off", async () => {
    value(await replication.source.switch(false));
    let asked = 0;
    const sql: OwnDatabase["sql"] = (text, parameters) => {
      if (text.includes("switchyard_replication_pending")) asked++;
      return supabase.sql(text, parameters);
    };
    const loop = startReplicationLoop({
      ...settings(),
      sql,
      replicate: async () => {
        throw new Error("nothing is to be copied");
      },
      trouble: (message) => troubles.push(message),
      everyMs: 5,
    });
    await expect.poll(() => asked, PATIENT).toBeGreaterThan(3);
    await loop.stop();
    expect(value(await replication.source.status()).is_on).toBe(false);
    expect(troubles).toEqual([]);
  });
});

describe("a write through the router", () => {
  const wakesOf = async (
    databases: typeof config.databases,
    ask: (router: ReturnType<typeof createRouter>) => Promise<unknown>,
  ) => {
    let woken = 0;
    const work: Promise<unknown>[] = [];
    const replicate = async () => void woken++;
    const options = { config: { ...config, databases }, collections: allCollections, log, replicate };
    const router = createRouter({ ...options, waitUntil: (each) => work.push(each) });
    await ask(router);
    await Promise.all(work);
    await router.close();
    return woken;
  };
  const rename = async (router: ReturnType<typeof createRouter>) => {
    const user = await newUser({ home: "supabase", on: supabase });
    value(await value(await router.repository(collections.customers, user)).create({ name: "Mina" }));
  };

  test("of what has a copy wakes the copying; of what has none, and reads, do not", async () => {
    expect(await wakesOf(config.databases, rename)).toBe(1);
    const others = await wakesOf(config.databases, async (router) => {
      const user = await newUser({ home: "supabase", on: supabase });
      value(await value(await router.repository(collections.contacts, user)).create({ name: "Noor" }));
      value(await value(await router.repository(collections.customers, user)).count({ filters: [] }));
    });
    expect(others).toBe(0);
  });

  test("wakes nobody where no MongoDB is configured", async () => {
    expect(await wakesOf([], rename)).toBe(0);
  });
});

describe("a user who is deleted", () => {
  test.each([
    ["for good", false],
    ["softly", true],
  ])("%s leaves nothing living in the copy, and tombstones that tell nothing", async (_, softly) => {
    value(await replication.source.switch(true));
    const router = createRouter({ config, collections: allCollections, log, replicate: async () => {} });
    const [leaving, staying] = [
      await newUser({ home: "mongodb", on: supabase }),
      await newUser({ home: "supabase", on: supabase }),
    ];
    for (const user of [leaving, staying]) await fill(router, user);
    await router.close();
    const loop = startLoop();
    try {
      for (const { id } of [leaving, staying]) await expect.poll(() => living(id), PATIENT).toEqual([1, 2, 2]);
      expect((await service.auth.admin.deleteUser(leaving.id, softly)).error).toBeNull();
      const purge = (userId: string) => purgeControlRecords(service, userId, 4);
      const databases = [{ name: "supabase", title: "Supabase", system: { purge } }];
      await runPurges({ control: service, databases, clock: Date.now, log, limit: 3 });
      for (const name of NAMES)
        expect(await supabase.sql(`select id from public.${name} where owner_id = $1`, [leaving.id])).toEqual([]);
      await expect.poll(() => living(leaving.id), PATIENT).toEqual([0, 0, 0]);
      for (const name of NAMES)
        for (const left of await replica.collection(name).find(ofUser(leaving.id)).toArray())
          expect(Object.keys(left).sort()).toEqual([
            "_deleted_at",
            "_id",
            "_seen",
            "create_hash",
            "owner_id",
            "version",
          ]);
      expect(await living(staying.id)).toEqual([1, 2, 2]);
    } finally {
      await loop.stop();
    }
  });
});
