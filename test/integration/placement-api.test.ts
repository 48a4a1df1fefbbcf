/** The functions that servers call over REST, through the module that calls them. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { placementUsers } from "./placement-users.ts";

let database: OwnDatabase;
let assignments: ReturnType<typeof createAssignments>;
const users = placementUsers(() => database);

beforeAll(async () => {
  database = await startOwnDatabase();
  assignments = createAssignments(createClient(database.url, database.secretKey, { auth: { persistSession: false } }));
});
afterAll(() => database?.stop());
beforeEach(() => users.reset());

describe("users from before Switchyard", () => {
  test("get a home in batches, each once, however often it is run", async () => {
    const old = [];
    for (let made = 0; made < 5; made++) old.push(await users.insertHomeless());
    expect((await assignments.assignMissing(2))._unsafeUnwrap()).toEqual({ assigned: 2, remaining: 3 });
    await users.insert();
    expect((await assignments.assignMissing(100))._unsafeUnwrap()).toEqual({ assigned: 3, remaining: 0 });
    expect((await assignments.assignMissing(100))._unsafeUnwrap()).toEqual({ assigned: 0, remaining: 0 });
    expect(await users.counts()).toEqual({ mongodb: { counted: 3, actual: 3 }, supabase: { counted: 3, actual: 3 } });
    for (const id of old) expect(await users.homeOf(id)).toBeDefined();
  });

  test("get the one that is named, though it takes nobody else", async () => {
    const id = await users.insertHomeless();
    await users.set("supabase", "accepting = false, capacity_users = 0");
    expect((await assignments.assignMissing(10, "supabase"))._unsafeUnwrap()).toEqual({ assigned: 1, remaining: 0 });
    expect((await assignments.get(id))._unsafeUnwrap()).toMatchObject({
      user_id: id,
      database_provider: "supabase",
      epoch: 1,
      state: "active",
      reason: "requested",
    });
  });

  test("are left alone when the named one does not exist", async () => {
    await users.insertHomeless();
    expect((await assignments.assignMissing(10, "cassandra"))._unsafeUnwrapErr()).toMatchObject({ kind: "invalid" });
    expect((await assignments.assignMissing(10))._unsafeUnwrap()).toEqual({ assigned: 1, remaining: 0 });
  });
});

describe("one user", () => {
  test("keeps the home that they have", async () => {
    const id = await users.insert();
    const kept = (await assignments.assign(id, "supabase"))._unsafeUnwrap();
    expect(kept.database_provider).toBe("mongodb");
  });

  test("who does not exist gets none", async () => {
    const id = crypto.randomUUID();
    expect((await assignments.assign(id))._unsafeUnwrapErr()).toMatchObject({ kind: "not_found" });
    expect((await assignments.get(id))._unsafeUnwrap()).toBeNull();
  });

  test("finds no home where no database takes any", async () => {
    const id = await users.insertHomeless();
    await database.sql("update switchyard.databases set accepting = false");
    expect((await assignments.assign(id))._unsafeUnwrapErr()).toMatchObject({ code: "no_capacity" });
  });
});

describe("databases", () => {
  test("are listed, changed, and named", async () => {
    expect((await assignments.setDatabase("mongodb", { accepting: false, weight: 2, capacityUsers: 9 })).isOk()).toBe(
      true,
    );
    await users.report("mongodb", false);
    const [mongodb, supabase] = (await assignments.databases())._unsafeUnwrap();
    expect(mongodb).toMatchObject({
      name: "mongodb",
      accepting: false,
      weight: 2,
      capacity_users: 9,
      healthy: false,
      health_error: "by a test",
    });
    expect(supabase).toMatchObject({
      name: "supabase",
      accepting: true,
      weight: 1,
      capacity_users: null,
      healthy: null,
    });
    await assignments.setDatabase("mongodb", { capacityUsers: null });
    expect((await assignments.databases())._unsafeUnwrap()[0]).toMatchObject({
      accepting: false,
      capacity_users: null,
    });
  });

  test.each([
    ["a name that is not there", "cassandra", { accepting: true }],
    ["a weight of nothing", "mongodb", { weight: 0 }],
    ["a negative capacity", "mongodb", { capacityUsers: -2 }],
  ])("refuse %s", async (_, name, settings) => {
    expect((await assignments.setDatabase(name, settings))._unsafeUnwrapErr()).toMatchObject({ kind: "invalid" });
  });

  test("are opened once: one that was taken out of the choice stays out", async () => {
    await users.set("mongodb", "accepting = false, opened_at = null");
    expect((await assignments.open("mongodb"))._unsafeUnwrap()).toBe(true);
    await assignments.setDatabase("mongodb", { accepting: false });
    expect((await assignments.open("mongodb"))._unsafeUnwrap()).toBe(false);
    expect((await assignments.databases())._unsafeUnwrap()[0]).toMatchObject({ accepting: false });
  });
});

const START = { xid: "0", id: 0 };

test("deletions are listed, those of users who are there again not", async () => {
  const since = new Date(Date.now() - 60_000);
  const [gone, soft, again] = [await users.insert(), await users.insert(), await users.insert()];
  await users.hardDelete(gone);
  await users.softDelete(soft);
  await users.hardDelete(again);
  await users.insert(again);
  const { revocations } = (await assignments.changesSince(since, START))._unsafeUnwrap();
  const lifted = new Map(revocations.map(({ user_id, is_lifted }) => [user_id, is_lifted]));
  expect([gone, soft, again].map((id) => lifted.get(id))).toEqual([false, false, true]);
  expect((await assignments.changesSince(new Date(Date.now() + 60_000), START))._unsafeUnwrap()).toMatchObject({
    revocations: [],
    moved: [],
    next: null,
  });
});

test("who is at home somewhere else than before is listed, and who is there for the first time is not", async () => {
  const since = new Date(Date.now() - 60_000);
  const [stays, moves] = [await users.insert(), await users.insert()];
  await database.sql(
    "update public.user_database_assignments set database_provider = 'mongodb', epoch = 2, assigned_at = now() where user_id = $1",
    [moves],
  );
  const { moved } = (await assignments.changesSince(since, START))._unsafeUnwrap();
  expect(moved).toContainEqual({ user_id: moves, home: "mongodb", epoch: 2 });
  expect(moved.map(({ user_id }) => user_id)).not.toContain(stays);
});
