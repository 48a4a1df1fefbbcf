/** A collection with its primary in Supabase and a replica in MongoDB, over both databases. */
import { type Db, MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { type Collection, isTwoWay, replicated } from "../../shared/definition/define.ts";
import { createLog } from "../../shared/log.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { copiedTo, keptIn, REPLICA_HOLDER } from "../../shared/placement/kept-collections.ts";
import { runPurges } from "../../shared/placement/purge.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { createRouter, type Router, type RouterOptions } from "../../shared/placement/router.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { outcome, value } from "../contract/store.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { pathVariables } from "../setup/path.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import { MONGODB } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { judgeOf } from "./api-document.ts";
import { copyOf, guests, guestsSql, tombstoneOf } from "./guests.ts";

const collections: readonly Collection[] = [...allCollections, guests as unknown as Collection];
/** With a view of what lives for each, and who the database is. */
const COPIED = [
  ...copiedTo(REPLICA_HOLDER, collections).flatMap(({ name }) => [name, `${name}_live`]),
  "switchyard",
].sort();
const COMPLETE = new Date("2027-01-01T00:00:00.000Z");
/** Nobody listens there. */
const AWAY = { SUPABASE_URL: "http://127.0.0.1:1", DATABASE_URL: "postgresql://nobody@127.0.0.1:1/postgres" };

let database: OwnDatabase;
let mongo: MongoClient;
let uri: string;
let copies: Db;
const closing: (() => Promise<unknown>)[] = [];

const config = (more: Record<string, string> = {}) =>
  loadApiConfig({
    SUPABASE_URL: database.url,
    SUPABASE_PUBLISHABLE_KEY: database.publishableKey,
    SUPABASE_SECRET_KEY: database.secretKey,
    SUPABASE_JWT_SECRET: database.jwtSecret,
    SUPABASE_JWT_ISSUER: database.jwtIssuer,
    MONGODB_URI: uri,
    ...pathVariables(database),
    ...PATIENT_VARIABLES,
    ...more,
  });
function instance(more: Record<string, string> = {}, over: Partial<RouterOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(JSON.parse(line)) });
  const settings = config(more);
  const router = createRouter({ config: settings, collections, log, completeUpTo: async () => COMPLETE, ...over });
  closing.push(() => router.close());
  const dependencies = { config: settings, router, verify: createVerifier(settings), log, clock: Date.now };
  const app = createApp(() => dependencies, [guests as unknown as Collection]);
  const request = (user: TestUser, path: string, init: RequestInit = {}) =>
    app.request(path, { ...init, headers: { authorization: `Bearer ${user.jwt}`, ...init.headers } });
  return { router, lines, app, request };
}
/** With Supabase out of reach: directly where the run reaches it so. */
const lost = () => instance(database.directUrl ? AWAY : { SUPABASE_URL: AWAY.SUPABASE_URL });
/** Prepares MongoDB as the command line does. */
async function prepare(more: Record<string, string> = {}) {
  const settings = config(more);
  const deadlines = deadlinesOf(settings);
  const registry = createRegistry({
    config: settings,
    service: serviceClient(settings, { timeoutMs: deadlines.callMs }),
    collections,
    deadlines,
    appName: "switchyard-test",
  });
  await registry.get("mongodb")?.system.prepare(MONGODB);
  await closeAll(registry);
}

beforeAll(async () => {
  database = await startOwnDatabase();
  await database.sql(guestsSql());
  uri = mongoUriFor(`replicated_${crypto.randomUUID().slice(0, 8)}`);
  mongo = new MongoClient(uri);
  await prepare();
  copies = mongo.db(`${databaseName(uri)}_replica`);
});
afterAll(async () => {
  for (const close of closing) await close();
  await copies?.dropDatabase();
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await database?.stop();
});

const namesIn = async (db: Db) =>
  (await db.listCollections().toArray())
    .map(({ name }) => name)
    // where the server keeps its views
    .filter((name) => !name.startsWith("system."))
    .sort();
const user = (home: "supabase" | "mongodb" = "mongodb") => newUser({ home, on: database });
const callerOf = ({ id, jwt, home }: TestUser) => ({ id, jwt, home, homeEpoch: 1 });
const open = async (router: Router, of: TestUser) => value(await router.repository(guests, callerOf(of)));

/** Three guests of that host's in the primary, and what the replica has of them. */
async function host() {
  const ann = await user();
  const of = await open(instance().router, ann);
  const made = [];
  for (const [name, spent] of [
    ["Zoë", "10"],
    ["Émile", "2.50"],
    ["Bob", "2.50"],
  ] as const)
    made.push(value(await of.create({ name, spent, currency: "EUR", note: name === "Bob" ? null : "x" })));
  await copies.collection(guests.name).insertMany(made.map(copyOf));
  return { ann, of, made };
}

describe("the database of the copies", () => {
  test("has what is replicated and nothing else, and the home has none of that", async () => {
    expect(await namesIn(copies)).toEqual(COPIED);
    expect(await namesIn(mongo.db())).toEqual(
      [
        ...keptIn("mongodb", allCollections).flatMap((each) => [
          each.name,
          ...(isTwoWay(each) ? [`${each.name}_live`] : []),
        ]),
        "switchyard",
      ].sort(),
    );
    expect(await copies.collection("switchyard").findOne({})).toMatchObject({ name: "mongodb_replica", site: 2 });
  });

  test("has no unique key but the id, and keeps tombstones", async () => {
    const indexes = await copies.collection(guests.name).listIndexes().toArray();
    expect(indexes.filter(({ unique, expireAfterSeconds }) => unique || expireAfterSeconds !== undefined)).toEqual([]);
    const keys = indexes.map(({ key }) => Object.keys(key).join(" "));
    for (const wanted of ["host_id _id", "host_id name created_at _id", "host_id created_at _id"])
      expect(keys).toContain(wanted);
  });

  test("takes tombstones, what the primary has from before its rules, and nothing of another type", async () => {
    const { made } = await host();
    const [zoe, emile] = made as [(typeof made)[0], (typeof made)[0]];
    const documents = copies.collection(guests.name);
    await documents.replaceOne({ _id: new UUID(zoe.id) as never }, tombstoneOf(zoe));
    const old = { ...copyOf(emile), note: "x".repeat(300), currency: "ZZZ" };
    await documents.replaceOne({ _id: new UUID(emile.id) as never }, old);
    const wrong = { ...copyOf(emile), spent: "2.50" };
    await expect(documents.replaceOne({ _id: new UUID(emile.id) as never }, wrong)).rejects.toThrow(/validation/);
  });

  test("is prepared again without a change, and by another name where that is configured", async () => {
    const before = await copies.collection(guests.name).listIndexes().toArray();
    await prepare();
    expect(await copies.collection(guests.name).listIndexes().toArray()).toEqual(before);
    const name = `copies_${crypto.randomUUID().slice(0, 8)}`;
    await prepare({ MONGODB_REPLICA_DATABASE: name });
    expect(await namesIn(mongo.db(name))).toEqual(COPIED);
    await mongo.db(name).dropDatabase();
  });

  test("shows people what lives, in views that nobody can write", async () => {
    const { made } = await host();
    const [zoe, emile] = made as [(typeof made)[0], (typeof made)[0]];
    await copies.collection(guests.name).replaceOne({ _id: new UUID(zoe.id) as never }, tombstoneOf(zoe));
    const live = copies.collection(`${guests.name}_live`);
    expect(await live.findOne({ _id: new UUID(zoe.id) as never })).toBeNull();
    const shown = await live.findOne({ _id: new UUID(emile.id) as never });
    expect(shown).toMatchObject({ name: "Émile", note: "x" });
    for (const kept of ["_seen", "_folded", "create_hash"]) expect(shown).not.toHaveProperty(kept);
    await expect(live.deleteMany({})).rejects.toThrow(/view/);
  });

  test("is missed by health until it is prepared, and by nobody at home beside it", async () => {
    const name = `missing_${crypto.randomUUID().slice(0, 8)}`;
    const { router } = instance({ MONGODB_REPLICA_DATABASE: name });
    const { databases } = await router.getHealth();
    expect(databases.mongodb).toMatchObject({
      connected: true,
      error: `The database of the copies in MongoDB (${name}) has not been prepared; run: switchyard db prepare mongodb`,
    });
    const { contacts } = await import("../../shared/collections/contacts.ts");
    const records = value(await router.repository(contacts, callerOf(await user())));
    expect(outcome(await records.create({ name: "Ann" }))).toBe("ok");
    expect((await instance().router.getHealth()).databases.mongodb).toMatchObject({ connected: true, error: null });
  });
});

describe("while both are there", () => {
  test("records are kept in the primary, whatever the home, and read from it", async () => {
    const { ann, of, made } = await host();
    const [zoe] = made as [(typeof made)[0]];
    expect(zoe).toMatchObject({ host_id: ann.id, spent: "10.00" });
    expect(zoe.version % 8).toBe(1);
    const [row] = await database.sql<{ rows: number }>("select count(*)::int as rows from guests where host_id = $1", [
      ann.id,
    ]);
    expect(row?.rows).toBe(3);
    const changed = value(await of.update(zoe.id, { note: "changed" }));
    expect(value(await of.get(zoe.id))).toEqual(changed);
    expect(outcome(await of.create({ name: "Bob", spent: "1", currency: "EUR" }))).toBe("duplicate");
    expect(outcome(await of.get(crypto.randomUUID()))).toBe("not_found");
  });

  test("they are counted where they are kept, once", async () => {
    await host();
    const stats = await instance().router.getDatabaseStats();
    const kept = Object.fromEntries(stats.homes.map(({ name, collections: counts }) => [name, counts.guests]));
    expect(kept.supabase).toBeGreaterThanOrEqual(3);
    expect(kept.mongodb).toBeUndefined();
    expect(stats.mongodb.collections.contacts).not.toBeNull();
  });

  test("a purge takes them from the primary, and leaves what is copied to the tombstones", async () => {
    const { ann, made } = await host();
    const { ann: ben } = await host();
    const { router } = instance({}, { purge: async () => undefined });
    value(await router.deleteUser(ann.id));
    const settings = config();
    const deadlines = deadlinesOf(settings);
    const service = serviceClient(settings, { timeoutMs: deadlines.callMs });
    const registry = createRegistry({ config: settings, service, collections, deadlines, appName: "switchyard-test" });
    const purged = await runPurges({
      control: service,
      databases: [...registry.values()],
      log: createLog({ level: "silent" }),
      clock: Date.now,
    });
    await closeAll(registry);
    expect(value(purged)).toEqual({ purged: 2, failed: 0 });
    const rows = await database.sql<{ host_id: string }>(
      "select distinct host_id from guests where host_id = any ($1)",
      [[ann.id, ben.id]],
    );
    expect(rows.map(({ host_id }) => host_id)).toEqual([ben.id]);
    expect(await copies.collection(guests.name).countDocuments({ host_id: new UUID(ann.id) })).toBe(made.length);
  });

  test("how the databases are, in short", async () => {
    const here = await instance().router.checkDatabaseHealth();
    expect(here).toEqual({ mongodb: true, postgresql: true, timestamp: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await lost().router.checkDatabaseHealth()).toMatchObject({ mongodb: true, postgresql: false });
    expect(await instance({ MONGODB_URI: "" }).router.checkDatabaseHealth()).toMatchObject({ mongodb: false });
  });
});

describe("while Supabase is away", () => {
  test("every read is what the primary would have said", async () => {
    const { ann, of } = await host();
    const { router, lines } = lost();
    const left = await open(router, ann);
    const sorts = ["name", "spent", "note", "created_at", "id"].flatMap((field) =>
      (["asc", "desc"] as const).map((direction) => ({ field, direction })),
    );
    for (const sort of sorts)
      for (const selection of [
        { filters: [] },
        { filters: [], q: "ÉM" },
        { filters: [{ field: "spent", operator: "lte", value: "2.5" } as const] },
        { filters: [{ field: "note", operator: "null", value: true } as const] },
      ]) {
        const query = { ...selection, sort, limit: 2 };
        const [there, here] = [value(await of.list(query)), value(await left.list(query))];
        expect(here).toEqual(there);
        if (there.next_cursor === null) continue;
        const next = { ...query, cursor: there.next_cursor };
        expect(value(await left.list(next))).toEqual(value(await of.list(next)));
      }
    expect(value(await left.count({ filters: [] }))).toBe(3);
    for (const by of [undefined, "note", "month"])
      expect(value(await left.summarize({ filters: [], by }))).toEqual(value(await of.summarize({ filters: [], by })));
    const fallbacks = lines.filter(({ event }) => event === "fallback");
    expect(new Set(fallbacks.map(({ operation }) => operation))).toEqual(new Set(["list", "count", "summarize"]));
    expect(fallbacks[0]).toMatchObject({ collection: "guests", database: "supabase", reason: expect.any(String) });
  });

  test("nobody else sees them, tombstones are none, and what is not there is not known", async () => {
    const { ann, made } = await host();
    const [zoe, emile] = made as [(typeof made)[0], (typeof made)[0]];
    await copies.collection(guests.name).replaceOne({ _id: new UUID(zoe.id) as never }, tombstoneOf(zoe));
    const { router } = lost();
    const [hers, others] = [await open(router, ann), await open(router, await user())];
    const page = { filters: [], sort: { field: "name", direction: "asc" }, limit: 10 } as const;
    expect(value(await others.list(page)).items).toEqual([]);
    expect(outcome(await others.get(emile.id))).toBe("unavailable");
    expect(value(await hers.get(emile.id))).toEqual(emile);
    expect(outcome(await hers.get(zoe.id))).toBe("unavailable");
    expect(value(await hers.list(page)).items.map(({ name }) => name)).toEqual(["Bob", "Émile"]);
    expect(value(await hers.count({ filters: [] }))).toBe(2);
  });

  test("the API says where it has read, and refuses what it would have to know", async () => {
    const { ann, of, made } = await host();
    const [zoe] = made as [(typeof made)[0]];
    const { app, request } = lost();
    const judge = judgeOf((await (await instance().app.request("/api/openapi.json")).json()) as never);
    for (const path of ["", "/count", "/summary", "/export.csv", `/${zoe.id}`]) {
      const url = `/api/guests${path}`;
      const there = await instance().request(ann, url);
      expect([there.status, there.headers.get("x-data-source")]).toEqual([200, "primary"]);
      expect(there.headers.has("x-complete-up-to")).toBe(false);
      const here = await request(ann, url);
      expect([here.status, here.headers.get("x-data-source")]).toEqual([200, "replica"]);
      expect(here.headers.get("x-complete-up-to")).toBe(COMPLETE.toISOString());
      expect(here.headers.get("server-timing")).toMatch(/mongodb;dur=[\d.]+;desc="replica"/);
      expect(here.headers.get("etag")).toBe(there.headers.get("etag"));
      await judge("get", url, here.clone());
      expect(await here.text()).toBe(await there.text());
    }
    const tag = `"${zoe.version}"`;
    const get = (headers: Record<string, string>) => request(ann, `/api/guests/${zoe.id}`, { headers });
    const same = await get({ "if-none-match": tag });
    expect([same.status, same.headers.get("x-data-source")]).toEqual([304, "replica"]);
    // the client has seen a later one
    const newer = value(await of.update(zoe.id, { note: "newer" }));
    const older = await get({ "if-none-match": `"${newer.version}"` });
    expect([older.status, older.headers.has("retry-after")]).toEqual([503, true]);
    expect((await get({ "if-none-match": `"${zoe.version - 8}"` })).status).toBe(200);

    const body = JSON.stringify({ name: "Eve", spent: "1", currency: "EUR" });
    const json = { "content-type": "application/json" };
    const one = `/api/guests/${zoe.id}`;
    for (const [path, init] of [
      ["/api/guests", { method: "POST", body, headers: json }],
      [one, { method: "PATCH", body: "{}", headers: json }],
      // an older tag among them: whether it is the record's, only the primary knows
      [one, { method: "PATCH", body: "{}", headers: { ...json, "if-match": `${tag}, "8"` } }],
      [one, { method: "DELETE", headers: { "if-match": `"8", "16"` } }],
    ] as const) {
      const refused = await request(ann, path, init);
      expect([init.method, refused.status, refused.headers.has("retry-after")]).toEqual([init.method, 503, true]);
      expect(refused.headers.has("x-data-source")).toBe(false);
      await judge(init.method.toLowerCase(), path, refused);
    }
    expect((await app.request("/api/guests")).status).toBe(401);
  });

  test("what is not to be read from the copy is unavailable, and so is what has none", async () => {
    const { ann, made } = await host();
    const [zoe] = made as [(typeof made)[0]];
    const away = database.directUrl ? AWAY : { SUPABASE_URL: AWAY.SUPABASE_URL };
    const unread = { ...guests, placement: replicated("supabase", "none") };
    const there = value(await instance().router.repository(unread, callerOf(ann)));
    expect(value(await there.get(zoe.id))).toEqual(zoe);
    const { router, lines } = lost();
    expect(outcome(await value(await router.repository(unread, callerOf(ann))).get(zoe.id))).toBe("unavailable");
    expect(lines.filter(({ event }) => event === "fallback")).toEqual([]);
    const without = instance({ ...away, MONGODB_URI: "" }).router;
    expect(outcome(await (await open(without, ann)).get(zoe.id))).toBe("unavailable");
    const alone = instance({ MONGODB_URI: "" });
    expect(value(await (await open(alone.router, ann)).get(zoe.id))).toEqual(zoe);
  });

  test("an answer of which nobody knows up to when it is complete does not say so", async () => {
    const { ann } = await host();
    const more: Record<string, string> = database.directUrl ? AWAY : { SUPABASE_URL: AWAY.SUPABASE_URL };
    for (const completeUpTo of [undefined, async () => null, () => Promise.reject(new Error("no such document"))]) {
      const { headers } = await instance(more, { completeUpTo }).request(ann, "/api/guests");
      expect([headers.get("x-data-source"), headers.has("x-complete-up-to")]).toEqual(["replica", false]);
    }
  });
});
