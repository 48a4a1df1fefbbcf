/** What the doctor looks at where there are real servers: a direct connection, another Postgres, Redis. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import type { Environment } from "../../shared/config.ts";
import type { Finding } from "../../shared/operations/doctor/check.ts";
import { type DataPlane, startDataPlane } from "../setup/data-plane.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import { redisUrl, servers } from "../setup/servers.ts";

let own: OwnDatabase;
let neon: DataPlane;
let env: Environment;
beforeAll(async () => {
  own = await startOwnDatabase();
  neon = await startDataPlane();
  // without MongoDB
  await own.sql("update switchyard.databases set opened_at = null, accepting = false where name = 'mongodb'");
  await own.sql("select public.switchyard_add_database('neon', 'postgres', 3)");
  await own.sql("update switchyard.databases set opened_at = now(), accepting = true where name = 'neon'");
  env = {
    ...PATIENT_VARIABLES,
    SUPABASE_URL: own.url,
    SUPABASE_SECRET_KEY: own.secretKey,
    DATABASE_URL: own.ownerUrl,
    DATABASE_NEON: neon.url,
    REDIS_URL: redisUrl("doctor"),
  };
});
afterAll(async () => {
  await neon?.stop();
  await own?.stop();
});

async function examined(over: Environment = {}) {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  await runCommand(["doctor", "--json"], { env: { ...env, ...over }, out: say, err: say });
  const found = JSON.parse(said[0] ?? "") as Finding[];
  // of this system, whose edge functions do not run
  const failed = found.filter(({ state, name }) => state === "failure" && name !== "hooks: before-user-created");
  return { failed: failed.map(({ name }) => name), of: (name: string) => found.find((each) => each.name === name) };
}

test("all of them are well", async () => {
  const { failed, of } = await examined();
  expect(failed).toEqual([]);
  for (const name of [
    "supabase: direct connection",
    "neon: connection",
    "neon: migrations",
    "neon: tables and indexes",
  ])
    expect(of(name)).toMatchObject({ state: "pass" });
  expect(of("redis: eviction")?.says).toBe("none (noeviction)");
});

test("a direct connection that is another's, with another password, or leads nowhere", async () => {
  const other = await examined({ DATABASE_URL: servers().dbUrl });
  expect(other.failed).toEqual(["supabase: direct connection"]);
  expect(other.of("supabase: direct connection")?.says).toMatch("another database than SUPABASE_URL");
  const plane = await examined({ DATABASE_URL: `${neon.url}?application_name=x` });
  expect(plane.of("supabase: direct connection")?.says).toMatch("another database than SUPABASE_URL");
  const gone = await examined({ DATABASE_URL: own.ownerUrl.replace(/\/[^/]*$/, "/nothing") });
  expect(gone.of("supabase: direct connection")).toMatchObject({
    says: expect.stringMatching("has no database of the name"),
    fix: expect.stringMatching("DATABASE_URL"),
  });
});

test("another Postgres that is not prepared, lacks a migration, or an index", async () => {
  const version = "20261121001500";
  await neon.sql("delete from switchyard.migrations where version = $1", [version]);
  const behind = await examined();
  await neon.sql("insert into switchyard.migrations (version, name) values ($1, 'contacts')", [version]);
  expect(behind.failed).toEqual(["neon: migrations"]);
  expect(behind.of("neon: migrations")).toMatchObject({
    says: "1 not applied, first 20261121001500_contacts",
    fix: "Prepare it: npm run switchyard -- db prepare neon",
  });
  await neon.sql("drop index public.contacts_name_idx");
  const unindexed = await examined();
  await neon.sql("create index contacts_name_idx on public.contacts (user_id, name, created_at, id)");
  expect(unindexed.of("neon: tables and indexes")?.says).toBe("contacts lacks the index contacts_name_idx");
  const bare = await examined({ DATABASE_NEON: neon.url.replace(/\/[^/]*$/, "/postgres?application_name=x") });
  expect(bare.failed).toEqual(["neon: connection"]);
  expect(bare.of("neon: connection")?.says).toBe(
    'DATABASE_NEON leads to another database, which calls itself "supabase"',
  );
});

test("a Redis that forgets when it is full: a warning, and no failure", async () => {
  const redis = new Redis(redisUrl("doctor"));
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  const { failed, of } = await examined();
  await redis.config("SET", "maxmemory-policy", "noeviction");
  const left = (await redis.keys("*")).filter((key) => key.includes("doctor"));
  const lives = await Promise.all(left.map((key) => redis.ttl(key)));
  redis.disconnect();
  expect(failed).toEqual([]);
  expect(of("redis: eviction")).toMatchObject({ state: "warning", fix: expect.stringMatching("noeviction") });
  // what it has counted and remembered ends by itself
  expect(lives.filter((seconds) => seconds < 0)).toEqual([]);
});
