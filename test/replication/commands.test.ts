/** The operator's commands on the copy: what they say, how they end, and that what they name is what mends it. */
import { randomUUID } from "node:crypto";
import { type Db, MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import type { Environment } from "../../shared/config.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { dropHome, prepareHome, replicaOf } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { newUser } from "../setup/users.ts";

let supabase: OwnDatabase;
let mongo: MongoClient;
let replica: Db;
let env: Environment;
let owner: string;
let customers: string[];

async function run(line: string, over: Environment = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const io = { env: { ...env, ...over }, out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const code = await runCommand(`replication ${line}`.split(" "), io);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

beforeAll(async () => {
  supabase = await startOwnDatabase();
  const url = mongoUriFor(`commands_${randomUUID().slice(0, 8)}`);
  mongo = new MongoClient(url);
  await prepareHome(mongo.db());
  replica = replicaOf(mongo.db());
  env = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey, MONGODB_URI: url };
  ({ id: owner } = await newUser({ home: "supabase", on: supabase }));
  const made = await supabase.sql<{ id: string }>(
    `insert into public.customers (owner_id, id, name)
     select $1::uuid, gen_random_uuid(), 'Customer ' || n from generate_series(1, 12) n returning id`,
    [owner],
  );
  customers = made.map(({ id }) => id);
});
afterAll(async () => {
  if (mongo) await dropHome(mongo.db());
  await mongo?.close();
  await supabase?.stop();
});

test("before it begins, status says how it does", async () => {
  const { code, out } = await run("status");
  expect([code, out]).toEqual([0, expect.stringContaining("switchyard replication backfill")]);
});

test("backfill copies everything, and says how far it is", async () => {
  const { code, out } = await run("backfill");
  expect(code, out).toBe(0);
  expect(out).toMatch(/customers: 12 of 12 \(100 %\)/);
  expect(out).toMatch(/Copied 12 rows\. .*replication verify/);
  expect(await replica.collection("customers").countDocuments()).toBe(12);
  expect((await run("verify --deep")).code).toBe(0);
  expect(JSON.parse((await run("status --json")).out)).toMatchObject({
    is_on: true,
    pending: 0,
    dead: 0,
    dead_rows: [],
  });
});

test("verify names what differs and what mends it, and fails; repair mends it", async () => {
  const [first, second] = customers.map((id) => ({ _id: new UUID(id) as never }));
  await replica.collection("customers").deleteOne(first as never);
  await replica.collection("customers").updateOne(second as never, { $set: { name: "By hand" } });
  const shallow = await run("verify customers");
  expect([shallow.code, shallow.out]).toEqual([
    1,
    expect.stringContaining(`customers ${customers[0]}: not in MongoDB`),
  ]);
  const deep = await run("verify --deep");
  expect([deep.code, deep.err]).toEqual([1, expect.stringContaining("switchyard replication repair")]);
  expect(deep.out).toContain(`customers ${customers[1]}: the same version, and other contents`);
  expect(JSON.parse((await run("verify --deep --json")).out).length).toBeGreaterThanOrEqual(6);
  const repaired = await run("repair");
  expect([repaired.code, repaired.out]).toEqual([0, expect.stringContaining("Copied 1 rows, replaced 1.")]);
  expect((await run("verify --deep")).code).toBe(0);
});

test("rows that are set aside are named with their reason, and status fails until they are copied", async () => {
  await supabase.sql(
    `insert into switchyard.replication_failures (collection, row_id, attempts, error, due_at, is_dead)
     values ('customers', $1::uuid, 8, 'too large for MongoDB', now(), true)`,
    [customers[0]],
  );
  const status = await run("status");
  expect([status.code, status.err]).toEqual([1, expect.stringContaining("switchyard replication retry")]);
  expect(status.out).toContain(`customers ${customers[0]}: too large for MongoDB (8 tries)`);
  const retried = await run("retry");
  expect([retried.code, retried.out]).toEqual([0, "Tried 1 rows: 0 are refused again."]);
  expect((await run("status")).code).toBe(0);
});

test("conflicts are listed, shown side by side, and decided by a new write", async () => {
  expect((await run("conflicts")).out).toBe("There is none to be decided about.");
  const id = customers[4];
  const [row] = await supabase.sql<{ version: string; row: object }>(
    "select version, to_jsonb(c) - 'search_text' as row from public.customers c where id = $1::uuid",
    [id],
  );
  const version = Number(row?.version);
  const other = { version: version - 8, seen: { 2: version - 8 }, row: { ...row?.row, name: "The other name" } };
  for (let n = 0; n < 2; n++)
    await supabase.sql(
      `insert into switchyard.conflicts (collection, row_id, owner, kept_owner, kept, other)
       values ('customers', $1::uuid, $2::uuid, $2::uuid, $3::text::jsonb, $4::text::jsonb)`,
      [id, owner, JSON.stringify({ version, seen: { 1: version }, row: row?.row }), JSON.stringify(other)],
    );
  const listed = JSON.parse((await run("conflicts --json")).out);
  expect(listed).toMatchObject([{ collection: "customers", row_id: id, state: "open" }, { row_id: id }]);
  const [second, first] = listed.map((each: { id: number }) => each.id);
  expect((await run("status")).out).toMatch(/2 rows were changed on both sides.*switchyard replication conflicts/);
  expect(JSON.parse((await run("status --json")).out)).toMatchObject({ conflicts: 2 });
  const { out } = await run(`conflicts show ${first}`);
  expect(out).toMatch(/\* name +Customer 5 +The other name +Customer 5/);
  expect(out).toContain(`switchyard replication conflicts choose ${first} other`);
  expect((await run(`conflicts choose ${first} kept`)).code).toBe(0);
  const [kept] = await supabase.sql("select name, version from public.customers where id = $1::uuid", [id]);
  expect(kept).toMatchObject({ name: "Customer 5", version: row?.version });
  expect((await run(`conflicts choose ${second} other`)).out).toMatch(/Written again, as version \d+/);
  const [chosen] = await supabase.sql<{ name: string; version: string }>(
    "select name, version from public.customers where id = $1::uuid",
    [id],
  );
  expect(chosen?.name).toBe("The other name");
  expect(Number(chosen?.version)).toBeGreaterThan(version);
  const copy = await replica.collection("customers").findOne({ _id: new UUID(id) as never });
  expect(copy).toMatchObject({ name: "The other name", version: Number(chosen?.version) });
  expect((await run("verify --deep")).code).toBe(0);
  expect(await run(`conflicts choose ${second} kept`)).toMatchObject({
    code: 1,
    err: expect.stringContaining("decided"),
  });
  expect(await run("conflicts show 999")).toMatchObject({ code: 1, err: "There is no conflict 999." });
  expect((await run("conflicts choose")).code).toBe(2);
  expect((await run("conflicts")).out).toBe("There is none to be decided about.");
  expect(JSON.parse((await run("conflicts --all --json")).out)).toHaveLength(2);
});

test("restore says first what it would do", async () => {
  await supabase.sql("delete from public.customers where id = $1::uuid", [customers[3]]);
  // as if the deletion had never been: a tombstone that was never made
  await supabase.sql("delete from switchyard.tombstones where collection = 'customers'");
  await supabase.sql("delete from switchyard.marks");
  const planned = await run("restore");
  expect([planned.code, planned.out]).toEqual([0, expect.stringMatching(/customers +12 +1 +0/)]);
  expect(planned.out).toContain("Nothing was written.");
  const done = await run("restore --commit");
  expect([done.code, done.out]).toEqual([0, expect.stringContaining("came back")]);
  expect((await run("verify --deep")).code).toBe(0);
});

describe("what stands in the way is said", () => {
  test("no MongoDB", async () => {
    const { code, err } = await run("verify", { MONGODB_URI: "" });
    expect([code, err]).toEqual([1, expect.stringContaining("set MONGODB_URI")]);
  });

  test("a MongoDB that refuses connections", async () => {
    const { code, err } = await run("backfill", { MONGODB_URI: "mongodb://127.0.0.1:9/x", DATABASE_CONNECT_MS: "200" });
    expect(code).toBe(1);
    expect(err).toMatch(/MongoDB/);
  });

  test.each(["status", "backfill", "verify", "repair", "retry", "restore", "conflicts"])(
    "%s: a Supabase that is away",
    async (line) => {
      const { code, err } = await run(line, { SUPABASE_URL: "http://127.0.0.1:9" });
      expect([code, err]).toEqual([1, "Supabase does not answer."]);
    },
  );

  test("a collection that has no copy", async () => {
    const { code, err } = await run("verify expenses");
    expect([code, err]).toEqual([2, expect.stringContaining("shops, customers, payments")]);
  });
});
