/** By what a new user's home is chosen: the four policies, and what happens where a measure is missing. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPlacementPolicy, type PlacementPolicy } from "../../shared/placement/policy.ts";
import { value } from "../contract/store.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { placementUsers } from "./placement-users.ts";

const MB = 1024 ** 2;
let database: OwnDatabase;
let service: SupabaseClient;
const users = placementUsers(() => database);
const { counts } = users;

beforeAll(async () => {
  database = await startOwnDatabase();
  service = createClient(database.url, database.secretKey, { auth: { persistSession: false } });
});
afterAll(() => database?.stop());
beforeEach(async () => {
  await users.reset();
  await database.sql("delete from switchyard.database_state");
  await set("count");
});

const policy = () => createPlacementPolicy(service);
const set = async (name: PlacementPolicy) => value(await policy().set(name));
const call = async (name: string, parameters: object) => {
  const { error } = await service.rpc(`switchyard_${name}`, parameters);
  expect(error).toBeNull();
};
const sizes = (given: Record<string, number>) => call("report_sizes", { p_sizes: given });
const latencies = (given: Record<string, number>) =>
  call("report_healths", {
    p_reports: Object.entries(given).map(([name, latency_ms]) => ({ name, healthy: true, error: null, latency_ms })),
  });
/** The homes of so many new users, and why they got them. */
async function homes(count: number): Promise<string[]> {
  const given: string[] = [];
  for (let made = 0; made < count; made++) {
    const id = await users.insert();
    const [row] = await database.sql<{ text: string }>(
      "select database_provider || ' ' || reason as text from public.user_database_assignments where user_id = $1::uuid",
      [id],
    );
    given.push(row?.text ?? "none");
  }
  return given;
}
const aged = () =>
  database.sql(
    `with state as (
       update switchyard.database_state set sized_at = sized_at - interval '11 minutes', active_at = active_at - interval '11 minutes'
     ) update switchyard.database_health set latency_at = latency_at - interval '11 minutes'`,
  );
const shown = async () => {
  const { policy: name, used, unmeasured } = value(await policy().get());
  return { policy: name, used, unmeasured };
};

test("count is the policy unless told, and needs no measure", async () => {
  await database.sql("delete from switchyard.settings where key = 'placement_policy'");
  expect(await homes(2)).toEqual(["mongodb least_used", "supabase least_used"]);
  expect(await shown()).toEqual({ policy: "count", used: "count", unmeasured: [] });
});

describe("size", () => {
  test("takes the one with the fewest bytes for its weight, and lets those who came since count as average users", async () => {
    await users.insertMany(20);
    await set("size");
    await sizes({ supabase: 100 * MB, mongodb: 60 * MB });
    // eight users' worth of bytes apart: 160 MB by 20 users
    expect(await homes(6)).toEqual([...Array(5).fill("mongodb least_bytes"), expect.stringContaining("least_bytes")]);
    await users.set("supabase", "weight = 4");
    expect(await homes(3)).toEqual(Array(3).fill("supabase least_bytes"));
  });

  test("falls back to count where one was not measured, or too long ago, and says so", async () => {
    await set("size");
    await sizes({ supabase: 1 * MB });
    expect(await shown()).toEqual({ policy: "size", used: "count", unmeasured: ["mongodb"] });
    expect(await homes(2)).toEqual(["mongodb unmeasured", "supabase unmeasured"]);
    await sizes({ supabase: 1 * MB, mongodb: 500 * MB });
    expect(await homes(2)).toEqual(["supabase least_bytes", "supabase least_bytes"]);
    await aged();
    expect(await shown()).toEqual({ policy: "size", used: "count", unmeasured: ["mongodb", "supabase"] });
    expect(await homes(1)).toEqual(["mongodb unmeasured"]);
  });

  test("looks at those alone that can be chosen", async () => {
    await set("size");
    await sizes({ supabase: 1 * MB });
    await users.report("mongodb", false);
    expect(await homes(1)).toEqual(["supabase least_bytes"]);
    await users.set("mongodb", "accepting = false");
    expect(await homes(1)).toEqual(["supabase least_bytes"]);
  });
});

describe("load", () => {
  test("takes the one with the fewest active users for its weight", async () => {
    await users.insertMany(40);
    // of MongoDB's, five have been here today
    await database.sql(
      `update auth.users u set last_sign_in_at = now() - interval '3 days', updated_at = now() - interval '3 days'
       where u.id not in (select user_id from public.user_database_assignments
         where database_provider = 'supabase' or user_id in (
           select user_id from public.user_database_assignments where database_provider = 'mongodb' order by user_id limit 5))`,
    );
    await database.sql(
      `update auth.users u set updated_at = now() from public.user_database_assignments a
       where a.user_id = u.id and (a.database_provider = 'supabase' or a.user_id in (
         select user_id from public.user_database_assignments where database_provider = 'mongodb' order by user_id limit 5))`,
    );
    await set("load");
    expect(value(await policy().get()).databases).toMatchObject([
      { name: "mongodb", measure: 5 },
      { name: "supabase", measure: 20 },
    ]);
    expect(await homes(3)).toEqual(Array(3).fill("mongodb least_active"));
    await users.set("supabase", "weight = 4");
    expect(await homes(1)).toEqual(["supabase least_active"]);
  });

  test("is counted again by the reports of the sign-up hook, and falls back to count when nobody reports", async () => {
    await set("load");
    await aged();
    expect(await homes(1)).toEqual(["mongodb unmeasured"]);
    await latencies({ supabase: 1, mongodb: 1 });
    expect(await homes(1)).toEqual(["supabase least_active"]);
  });
});

describe("latency", () => {
  test("takes the one that answers soonest; among those about as quick, count decides", async () => {
    await set("latency");
    expect(await homes(1)).toEqual(["mongodb unmeasured"]);
    await latencies({ supabase: 20, mongodb: 100 });
    expect(await homes(3)).toEqual(Array(3).fill("supabase least_latency"));
    await database.sql("delete from switchyard.database_health");
    await latencies({ supabase: 20, mongodb: 29 });
    expect(await homes(2)).toEqual(["mongodb least_latency", "mongodb least_latency"]);
  });

  test("is smoothed, kept over reports without one, and forgotten after ten minutes", async () => {
    await set("latency");
    await latencies({ supabase: 40, mongodb: 40 });
    await latencies({ supabase: 40, mongodb: 80 });
    const [row] = await database.sql(
      "select latency_ms::float8 as ms from switchyard.database_health where name = 'mongodb'",
    );
    expect(row).toEqual({ ms: 50 });
    await users.report("mongodb", true);
    expect(await shown()).toMatchObject({ used: "latency" });
    await aged();
    expect(await shown()).toEqual({ policy: "latency", used: "count", unmeasured: ["mongodb", "supabase"] });
  });

  test("passes by the soonest when it is down", async () => {
    await set("latency");
    await latencies({ supabase: 20, mongodb: 200 });
    await users.report("supabase", false);
    expect(await homes(1)).toEqual(["mongodb least_latency"]);
  });
});

test.each(["size", "load", "latency"] as const)("%s: many at once are counted exactly", async (name) => {
  await set(name);
  await sizes({ supabase: 50 * MB, mongodb: 50 * MB });
  await latencies({ supabase: 10, mongodb: 10 });
  await Promise.all(Array.from({ length: 20 }, () => users.insertMany(5)));
  const found = await counts();
  for (const { counted, actual } of Object.values(found)) expect(counted).toBe(actual);
  expect((found.mongodb?.counted ?? 0) + (found.supabase?.counted ?? 0)).toBe(100);
});

test("what is no policy is refused in words", async () => {
  const { error } = await service.rpc("switchyard_set_placement_policy", { p_policy: "luck" });
  expect([error?.code, error?.message]).toEqual(["22023", "The policy is count, size, load or latency."]);
});
