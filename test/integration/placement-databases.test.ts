/** The list of databases: what is added, reported and removed, and what the schema says of itself. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { reservedName } from "../../shared/placement/configured-databases.ts";
import { revisionProblem, SCHEMA_REVISION } from "../../shared/postgres/revision.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { placementUsers } from "./placement-users.ts";

let database: OwnDatabase;
let service: SupabaseClient;
const users = placementUsers(() => database);

beforeAll(async () => {
  database = await startOwnDatabase();
  service = createClient(database.url, database.secretKey, { auth: { persistSession: false } });
});
afterAll(() => database?.stop());
beforeEach(async () => {
  await users.reset();
  await database.sql("delete from switchyard.tasks");
  await database.sql("delete from switchyard.databases where name not in ('supabase', 'mongodb')");
});

async function call(name: string, parameters: object = {}): Promise<unknown> {
  const { data, error } = await service.rpc(`switchyard_${name}`, parameters);
  return error ? `${error.code} ${error.message}` : data;
}
const add = (name: string, kind: string, more: object = {}) =>
  call("add_database", { p_name: name, p_kind: kind, ...more });
const remove = (name: string) => call("remove_database", { p_name: name });

describe("a database that is added", () => {
  test("gets the lowest free site, takes nobody yet, and stays what it is when it is added again", async () => {
    expect(await add("neon", "postgres")).toEqual({ name: "neon", kind: "postgres", site: 3, added: true });
    expect(await add("atlas", "mongodb", { p_site: 6, p_weight: 2.5, p_capacity_users: 10 })).toMatchObject({
      site: 6,
    });
    expect(await add("rds", "postgres")).toMatchObject({ site: 4 });
    expect(await remove("neon")).toBeNull();
    expect(await add("neon", "postgres")).toEqual({ name: "neon", kind: "postgres", site: 3, added: true });
    expect(await add("neon", "postgres")).toEqual({ name: "neon", kind: "postgres", site: 3, added: false });
    const rows = (await call("databases")) as Record<string, unknown>[];
    expect(rows.map(({ name, site }) => [name, site])).toEqual([
      ["atlas", 6],
      ["mongodb", 2],
      ["neon", 3],
      ["rds", 4],
      ["supabase", 1],
    ]);
    expect(rows[0]).toMatchObject({ accepting: false, opened_at: null, weight: 2.5, capacity_users: 10 });
  });

  test("is refused, with what to do, when it is another one than it was, or cannot be", async () => {
    await add("neon", "postgres");
    expect(await add("neon", "mongodb")).toMatch(/^22023 .* its kind is postgres. Take another name/);
    expect(await add("neon", "postgres", { p_site: 5 })).toMatch(/^22023 .* has the site 3, .* Leave the site out/);
    expect(await add("rds", "postgres", { p_site: 2 })).toMatch(/^22023 .* 2 is that of "mongodb"/);
    expect(await add("rds", "postgres", { p_site: 8 })).toMatch(/^22023 The site must be 1 to 7/);
    expect(await add("Neon", "postgres")).toMatch(/^22023 A database's name begins with a small letter/);
    for (const name of ["url", "url_unpooled", "connect_ms"])
      expect([await add(name, "postgres"), reservedName(name)]).toEqual([
        `22023 ${reservedName(name)}`,
        expect.stringContaining("Take another name."),
      ]);
    expect(await add("urls", "postgres")).toMatchObject({ added: true });
    expect(await add("rds", "oracle")).toMatch(/^22023 .* kind postgres or mongodb/);
    expect(await add("rds", "postgres", { p_weight: 0 })).toMatch(/^22023 The weight/);
    for (const name of ["d4", "d5", "d6", "d7"]) await add(name, "mongodb");
    expect(await add("d8", "mongodb")).toMatch(/^22023 All seven sites are taken. Remove/);
  });

  test("is added once by many at a time, each with a site of its own", async () => {
    const names = ["a", "b", "a", "c", "b", "d"];
    const made = (await Promise.all(names.map((name) => add(name, "mongodb")))) as { site: number; added: boolean }[];
    expect(made.filter(({ added }) => added)).toHaveLength(4);
    expect([...new Set(made.map(({ site }) => site))].sort()).toEqual([3, 4, 5, 6]);
  });
});

test("a database is removed when nothing of anybody's can be in it", async () => {
  await add("neon", "postgres");
  await users.set("neon", "accepting = true, opened_at = now()");
  await users.set("mongodb", "accepting = false");
  await users.set("supabase", "accepting = false");
  const id = await users.insert();
  expect(await remove("neon")).toMatch(
    /^22023 Users are at home in "neon": 1\. Their records are there, .* databases drain neon\.$/,
  );
  await users.hardDelete(id);
  expect(await remove("neon")).toMatch(/^22023 Tasks wait to be done in "neon", .*: 2\./);
  await database.sql("update switchyard.tasks set done_at = now() where database = 'neon'");
  expect(await remove("neon")).toBeNull();
  expect(await database.sql("select 1 from switchyard.tasks where database = 'neon'")).toEqual([]);
  expect(await remove("neon")).toMatch(/^22023 There is no database/);
  expect(await remove("supabase")).toMatch(/^22023 .* cannot be removed. To keep new users out/);
});

test("one report says how all are: those that it does not name are out of reach for who sends it", async () => {
  await add("neon", "postgres");
  await users.set("neon", "accepting = true, opened_at = now()");
  const reports = [
    { name: "supabase", healthy: true, error: null },
    { name: "mongodb", healthy: false, error: "refuses connections" },
    { name: "no such", healthy: true, error: null },
  ];
  expect(await call("report_healths", { p_reports: reports })).toBe(true);
  const rows = await database.sql("select name, healthy, error from switchyard.database_health order by name");
  expect(rows).toEqual([
    { name: "mongodb", healthy: false, error: "refuses connections" },
    { name: "neon", healthy: false, error: "not configured where sign-ups are checked: set DATABASE_NEON" },
    { name: "supabase", healthy: true, error: null },
  ]);
  expect(await call("report_healths", { p_reports: [] })).toBe(false);
  const [row] = await database.sql("select error from switchyard.database_health where name = 'mongodb'");
  expect(row).toEqual({ error: "not configured where sign-ups are checked: set MONGODB_URI" });
  await Promise.all(Array.from({ length: 8 }, () => call("report_healths", { p_reports: reports.toReversed() })));
});

describe("the schema", () => {
  test("says which database it is in, and that this code fits", async () => {
    const health = await call("health");
    expect(health).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "supabase",
      site: 1,
      revision: SCHEMA_REVISION,
      oldest_code: expect.any(Number),
      can_place: true,
      read_only: false,
      is_standby: false,
    });
    expect(revisionProblem(health as never)).toBeUndefined();
    await database.sql("update switchyard.databases set accepting = false");
    expect(await call("health")).toMatchObject({ can_place: false });
  });

  test("of another revision is named, with what to do", () => {
    const problem = (revision: number, oldest_code: number) => revisionProblem({ revision, oldest_code });
    expect(problem(SCHEMA_REVISION + 1, SCHEMA_REVISION)).toBeUndefined();
    expect(problem(SCHEMA_REVISION - 1, 1)).toContain("migrate first: supabase db push");
    expect(problem(SCHEMA_REVISION + 1, SCHEMA_REVISION + 1)).toContain("deploy newer code");
    expect(revisionProblem({ revision: 0, oldest_code: 0 }, "switchyard db prepare neon")).toContain("db prepare neon");
  });
});
