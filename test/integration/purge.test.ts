/** What deleted users leave behind goes, in both databases, also when one of them was away. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { type Db, type MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { purgeDocuments } from "../../shared/mongo/purge.ts";
import { createPurgeEndpoint } from "../../shared/operations/purge-endpoint.ts";
import { type PurgedDatabase, runPurges } from "../../shared/placement/purge.ts";
import { purgeControlRecords } from "../../shared/postgres/control-purge.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { placementUsers } from "./placement-users.ts";

const COLLECTIONS = homeCollections.map(({ name }) => name);
const log = createLog({ level: "silent" });

let database: OwnDatabase;
let service: SupabaseClient;
let client: MongoClient;
let db: Db;
const users = placementUsers(() => database);

beforeAll(async () => {
  database = await startOwnDatabase();
  service = createClient(database.url, database.secretKey, { auth: { persistSession: false } });
  client = createMongoClient(mongoUriFor(`purge_${crypto.randomUUID().slice(0, 8)}`), { appName: "test" });
  db = client.db();
});
afterAll(async () => {
  await db?.dropDatabase();
  await client?.close();
  await database?.stop();
});
beforeEach(async () => {
  await users.reset();
  await database.sql("delete from switchyard.purges");
  await database.sql("delete from switchyard.tasks");
});

const inSupabase: PurgedDatabase = {
  name: "supabase",
  title: "Supabase",
  system: { purge: (userId) => purgeControlRecords(service, userId, 4) },
};
const inMongo = (mongo: () => Promise<Db>): PurgedDatabase => ({
  name: "mongodb",
  title: "MongoDB",
  system: { purge: async (userId) => purgeDocuments(await mongo(), homeCollections, userId) },
});
const purgeIn = (...databases: PurgedDatabase[]) =>
  runPurges({ control: service, databases, clock: Date.now, log, limit: 3 });
const purge = (mongo: () => Promise<Db> = async () => db) => purgeIn(inSupabase, inMongo(mongo));
/** time passes, and what waits is due */
const later = (seconds: number) =>
  database.sql("update switchyard.tasks set due_at = due_at - make_interval(secs => $1::float8)", [seconds]);
const openTasks = async () =>
  (
    await database.sql<{ task: string }>(
      "select concat_ws(' ', database, payload ->> 'run') as task from switchyard.tasks where done_at is null order by 1",
    )
  ).map(({ task }) => task);

async function fill(userId: string): Promise<void> {
  await database.sql(
    `insert into public.categories (user_id, id, name, kind)
     select $1::uuid, gen_random_uuid(), 'Category ' || n, 'expense' from generate_series(1, 6) n`,
    [userId],
  );
  await database.sql(
    `insert into public.expenses (user_id, id, amount, currency, date, category_id)
     select user_id, gen_random_uuid(), 1, 'EUR', '2026-01-01', id from public.categories where user_id = $1::uuid`,
    [userId],
  );
  await database.sql(
    "delete from public.expenses where id in (select id from public.expenses where user_id = $1::uuid limit 1)",
    [userId],
  );
  for (const name of COLLECTIONS)
    await db
      .collection(name)
      .insertMany([
        { _id: { user_id: new UUID(userId), id: new UUID() } as never },
        { _id: { user_id: new UUID(userId), id: new UUID() } as never, _deleted_at: new Date() },
      ]);
}
async function left(userId: string): Promise<{ postgres: number; mongo: number }> {
  let postgres = 0;
  for (const table of [...COLLECTIONS.map((name) => `public.${name}`), "switchyard.tombstones"])
    postgres += (await database.sql(`select 1 from ${table} where user_id = $1::uuid`, [userId])).length;
  let mongo = 0;
  for (const name of COLLECTIONS)
    mongo += await db.collection(name).countDocuments({ "_id.user_id": new UUID(userId) });
  return { postgres, mongo };
}
const nothing = { postgres: 0, mongo: 0 };

describe("a deleted user's records", () => {
  test.each([
    ["softly", users.softDelete],
    ["for good", users.hardDelete],
  ])("(%s) go from both databases, and nobody else's", async (_, remove) => {
    const [gone, stays] = [await users.insert(), await users.insert()];
    await fill(gone);
    await fill(stays);
    const before = await left(stays);
    await remove(gone);
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 2, failed: 0 });
    expect(await left(gone)).toEqual(nothing);
    expect(await left(stays)).toEqual(before);
  });

  test("that a token wrote after the first run go with the second, an hour later", async () => {
    const id = await users.insert();
    await users.hardDelete(id);
    await purge();
    await fill(id);
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 0, failed: 0 });
    expect(await openTasks()).toEqual(["mongodb 2", "supabase 2"]);
    await later(2_400);
    await purge();
    expect(await openTasks()).toHaveLength(2);
    await later(1_800);
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 2, failed: 0 });
    expect(await left(id)).toEqual(nothing);
    expect(await openTasks()).toEqual([]);
  });

  test("wait for a database that is away, within seconds of each try, while the other's go", async () => {
    const id = await users.insert();
    await fill(id);
    await users.hardDelete(id);
    const away = async () => Promise.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
    expect((await purge(away))._unsafeUnwrap()).toEqual({ purged: 1, failed: 1 });
    for (let tries = 0; tries < 12; tries++) {
      await later(10);
      await purge(away);
    }
    expect(await left(id)).toMatchObject({ postgres: 0, mongo: 14 });
    const [task] = await database.sql<{ wait: number; last_error: string }>(
      `select extract(epoch from due_at - clock_timestamp())::float8 as wait, last_error
       from switchyard.tasks where done_at is null and payload ->> 'run' = '1'`,
    );
    expect(task?.wait).toBeLessThanOrEqual(10);
    expect(task?.last_error).toContain("refuses connections");
    await later(10);
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 1, failed: 0 });
    expect(await left(id)).toEqual(nothing);
  });

  test("in a database that is not configured wait, and nobody is woken for them before a quarter of an hour", async () => {
    await users.hardDelete(await users.insert());
    await users.hardDelete(await users.insert());
    const due = () => database.sql("select public.switchyard_due_databases('purge') as due");
    expect(await due()).toEqual([{ due: ["mongodb", "supabase"] }]);
    expect((await purgeIn(inSupabase))._unsafeUnwrap()).toEqual({ purged: 2, failed: 2 });
    expect(await due()).toEqual([{ due: [] }]);
    const [task] = await database.sql("select last_error from switchyard.tasks where last_error is not null limit 1");
    expect(task).toEqual({ last_error: "not configured here: set MONGODB_URI" });
    // the clock goes on beside it, for as long as a slow machine takes
    await later(600);
    expect(await due()).toEqual([{ due: [] }]);
    await later(300);
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 2, failed: 0 });
  });

  test("are looked for in no database that never took users", async () => {
    await users.set("mongodb", "accepting = false, opened_at = null");
    await users.hardDelete(await users.insert());
    expect(await openTasks()).toEqual(["supabase 1", "supabase 2"]);
    await users.set("mongodb", "opened_at = now()");
  });

  test("stay when the user is there again", async () => {
    const id = await users.insert();
    await users.hardDelete(id);
    await users.insert(id);
    await fill(id);
    await later(10_000);
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 0, failed: 0 });
    expect((await left(id)).postgres).toBeGreaterThan(0);
    await database.sql("select public.switchyard_purge_records($1::uuid)", [id]);
    expect((await left(id)).postgres).toBeGreaterThan(0);
  });

  test("of many go in several claims", async () => {
    await users.insertMany(10);
    await database.sql("delete from auth.users");
    expect((await purge())._unsafeUnwrap()).toEqual({ purged: 20, failed: 0 });
    expect(await openTasks()).toHaveLength(20);
  });
});

describe("tasks", () => {
  const claim = async (seconds: number) =>
    (
      await service.rpc("switchyard_claim_tasks", {
        p_queue: "purge",
        p_database: "mongodb",
        p_limit: 10,
        p_lease_seconds: seconds,
      })
    ).data;
  const finish = async (id: number, attempts: number) =>
    (await service.rpc("switchyard_finish_task", { p_id: id, p_attempts: attempts })).data;
  const fail = async (id: number, attempts: number, seconds?: number) =>
    (
      await service.rpc("switchyard_fail_task", {
        p_id: id,
        p_attempts: attempts,
        p_error: "x",
        ...(seconds !== undefined && { p_retry_seconds: seconds }),
      })
    ).data;
  const due = () => database.sql("select public.switchyard_due_databases('purge') as due");

  test("are each given to one worker, until its lease is over; one that has lost it changes nothing", async () => {
    const user = await users.insert();
    await users.hardDelete(user);
    const [first] = await claim(60);
    expect(first).toEqual({ id: first.id, subject: user, attempts: 1, payload: { purge: expect.any(Number), run: 1 } });
    expect(await claim(60)).toEqual([]);
    expect(await due()).toEqual([{ due: ["supabase"] }]);
    await database.sql("update switchyard.tasks set leased_until = now() - interval '1 second' where attempts = 1");
    expect(await due()).toEqual([{ due: ["mongodb", "supabase"] }]);
    expect(await claim(60)).toMatchObject([{ id: first.id, attempts: 2 }]);
    expect([await finish(first.id, 1), await fail(first.id, 1)]).toEqual([false, false]);
    expect(await fail(first.id, 2, 0)).toBe(true);
    // given back: the second time it is nobody's
    expect([await finish(first.id, 2), await fail(first.id, 2)]).toEqual([false, false]);
    expect(await claim(60)).toMatchObject([{ id: first.id, attempts: 3 }]);
    expect(await finish(first.id, 3)).toBe(true);
    expect(await openTasks()).toEqual(["mongodb 2", "supabase 1", "supabase 2"]);
  });

  test("of second runs follow a longer token lifetime", async () => {
    await users.hardDelete(await users.insert());
    await service.rpc("switchyard_set_token_lifetime", { p_seconds: 86_400 });
    const [task] = await database.sql<{ seconds: number }>(
      `select extract(epoch from t.due_at - p.deleted_at)::int as seconds
       from switchyard.tasks t join switchyard.purges p on p.id = (t.payload ->> 'purge')::bigint
       where t.payload ->> 'run' = '2' limit 1`,
    );
    expect(task).toEqual({ seconds: 86_700 });
    await service.rpc("switchyard_set_token_lifetime", { p_seconds: 3_600 });
  });

  test("that pg_cron works off here need no edge function", async () => {
    const id = await users.insert();
    await fill(id);
    await users.hardDelete(id);
    await database.sql("select switchyard.purge_tick()");
    expect(await left(id)).toMatchObject({ postgres: 0 });
    expect(await openTasks()).toEqual(["mongodb 1", "mongodb 2", "supabase 2"]);
  });

  test("are forgotten after a month, with the user's history", async () => {
    const id = await users.insert();
    await users.hardDelete(id);
    await later(10_000);
    await purge();
    await database.sql("update switchyard.purges set deleted_at = now() - interval '31 days'");
    await database.sql("update switchyard.tasks set done_at = now() - interval '31 days'");
    await database.sql("update switchyard.assignment_history set at = now() - interval '31 days'");
    await purge();
    expect(await database.sql("select 1 from switchyard.purges")).toEqual([]);
    expect(await database.sql("select 1 from switchyard.tasks")).toEqual([]);
    expect(await database.sql("select 1 from switchyard.assignment_history where user_id = $1::uuid", [id])).toEqual(
      [],
    );
  });
});

describe("the edge function's endpoint", () => {
  let swept: string[] = [];
  const sweeping = (one: PurgedDatabase, sweep: () => Promise<void> = async () => void swept.push(one.name)) => ({
    ...one,
    system: { ...one.system, sweep },
  });
  const down = () => Promise.reject(new Error("away"));
  const endpoint = (clock = Date.now) =>
    createPurgeEndpoint({
      keys: [database.secretKey, "sb_secret_another"],
      control: service,
      databases: [
        sweeping(inSupabase),
        sweeping({ ...inSupabase, name: "lost" }, down),
        sweeping(inMongo(async () => db)),
      ],
      maxTokenLifetimeSeconds: 3_600,
      clock,
      log,
    });
  const post = (headers: Record<string, string>) =>
    endpoint()(new Request("http://purge", { method: "POST", headers }));

  test("works for whoever has a secret key", async () => {
    await users.hardDelete(await users.insert());
    const response = await post({ apikey: database.secretKey });
    expect([response.status, await response.json()]).toEqual([200, { purged: 2, failed: 0 }]);
    expect((await post({ authorization: "Bearer sb_secret_another" })).status).toBe(200);
  });

  test("sweeps every database once an hour, whichever of them is away", async () => {
    swept = [];
    let now = Date.now();
    const answer = endpoint(() => now);
    for (const minutes of [0, 1, 60]) {
      now += minutes * 60_000;
      const request = new Request("http://purge", { method: "POST", headers: { apikey: database.secretKey } });
      expect((await answer(request)).status).toBe(200);
    }
    expect(swept).toEqual(["supabase", "mongodb", "supabase", "mongodb"]);
  });

  test.each([
    {},
    { apikey: "" },
    { apikey: "sb_secret_" },
    { authorization: "Bearer " },
    { apikey: "sb_publishable_x" },
  ])("turns %o away", async (headers) => {
    expect((await post(headers as Record<string, string>)).status).toBe(401);
  });

  test("answers to POST only", async () => {
    expect((await endpoint()(new Request("http://purge"))).status).toBe(405);
  });
});
