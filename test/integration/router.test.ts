import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { categories } from "../../shared/collections/categories.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { keptIn } from "../../shared/placement/kept-collections.ts";
import { createRouter, type Router, type RouterConfig } from "../../shared/placement/router.ts";
import { pathVariables } from "../setup/path.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

const NOWHERE = "http://127.0.0.1:9";

let supabase: TestSupabase;
let config: RouterConfig;
let router: Router;
let now = Date.now();
const routers: Router[] = [];

function start(over: Partial<RouterConfig> = {}): Router {
  const created = createRouter({
    config: { ...config, ...over },
    collections: allCollections,
    log: createLog({ level: "silent" }),
    clock: () => now,
  });
  routers.push(created);
  return created;
}
async function withoutHome(): Promise<TestUser> {
  const user = await newUser({ home: "supabase", on: supabase });
  await supabase.sql("delete from public.user_database_assignments where user_id = $1", [user.id]);
  return user;
}

beforeAll(async () => {
  supabase = await startTestSupabase();
  const url = await preparedMongo("router");
  config = {
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
    ...pathVariables(supabase),
    databases: [{ name: "mongodb", kind: "mongodb", url, variable: "MONGODB_URI" }],
  };
  router = start();
});
afterAll(async () => {
  for (const each of routers) await each.close();
  await supabase?.stop();
});

describe("the way home", () => {
  test.each(["supabase", "mongodb"] as const)(
    "records of a user at home in %s are kept there and nowhere else",
    async (home) => {
      const { id, jwt } = await newUser({ home, on: supabase });
      const service = (await router.getDatabaseServiceForUser({ id, jwt, home }))._unsafeUnwrap();
      expect(service.database).toBe(home);
      const made = (await service.repository(categories).create({ name: "Food", kind: "expense" }))._unsafeUnwrap();
      expect((await service.repository(categories).get(made.id))._unsafeUnwrap()).toEqual(made);
      const rows = await supabase.sql("select id from public.categories where user_id = $1", [id]);
      expect(rows).toHaveLength(home === "supabase" ? 1 : 0);
    },
  );

  test("the token's claim needs no look-up", async () => {
    const { id, jwt } = await newUser({ home: "mongodb", on: supabase });
    const alone = start({ SUPABASE_URL: NOWHERE });
    const service = (await alone.getDatabaseServiceForUser({ id, jwt, home: "mongodb" }))._unsafeUnwrap();
    expect((await service.repository(categories).count({ filters: [] }))._unsafeUnwrap()).toBe(0);
  });

  test("without the claim the home is looked up once and remembered for a minute", async () => {
    const { id, jwt } = await newUser({ home: "mongodb", on: supabase });
    const provider = async () => (await router.getDatabaseServiceForUser({ id, jwt }))._unsafeUnwrap().database;
    expect(await provider()).toBe("mongodb");
    await supabase.sql(
      "update public.user_database_assignments set database_provider = 'supabase' where user_id = $1",
      [id],
    );
    expect(await provider()).toBe("mongodb");
    now += 61_000;
    expect(await provider()).toBe("supabase");
    await supabase.sql("update public.user_database_assignments set database_provider = 'mongodb' where user_id = $1", [
      id,
    ]);
    router.clearCache();
    expect(await provider()).toBe("mongodb");
  });

  test("no home: a problem that names the remedy, gone as soon as there is one", async () => {
    const { id, jwt } = await withoutHome();
    const { code, message } = (await router.getDatabaseServiceForUser({ id, jwt }))._unsafeUnwrapErr();
    expect(code).toBe("no_home");
    expect(message).toMatch("switchyard homes assign");
    expect((await router.getAssignment(id))._unsafeUnwrap()).toBeNull();
    expect((await router.assignToLeastUsed(id)).isOk()).toBe(true);
    expect((await router.getDatabaseServiceForUser({ id, jwt })).isOk()).toBe(true);
  });

  test("a home in MongoDB that is not configured is unavailable, and said so", async () => {
    const { id, jwt } = await newUser({ home: "mongodb", on: supabase });
    const without = start({ databases: [] });
    const refused = (await without.getDatabaseServiceForUser({ id, jwt, home: "mongodb" }))._unsafeUnwrapErr();
    expect(refused).toMatchObject({ code: "unavailable", message: expect.stringMatching("MONGODB_URI") });
    const service = without.getDatabaseService("mongodb", { id, jwt });
    expect((await service.repository(categories).get(randomUUID()))._unsafeUnwrapErr().code).toBe("unavailable");
    expect((await without.getHealth()).databases.mongodb).toBeNull();
  });
});

describe("deleting a user", () => {
  test("takes the account and its home away, is known at once, and may be repeated", async () => {
    const { id } = await newUser({ home: "supabase", on: supabase });
    expect(await router.standingOf({ userId: id, issuedAt: 0 })).toBe("good");
    expect((await router.deleteUser(id)).isOk()).toBe(true);
    expect(await router.standingOf({ userId: id, issuedAt: 0 })).toBe("deleted");
    expect((await router.getAssignment(id))._unsafeUnwrap()).toBeNull();
    expect((await router.deleteUser(id)).isOk()).toBe(true);
  });

  test("is known to other instances within 30 s", async () => {
    const { id } = await newUser({ home: "supabase", on: supabase });
    const other = start();
    expect(await other.standingOf({ userId: id, issuedAt: 0 })).toBe("good");
    await router.deleteUser(id);
    now += 30_001;
    expect(await other.standingOf({ userId: id, issuedAt: 0 })).toBe("deleted");
  });
});

test("the statistics have exactly these fields, and living records only", async () => {
  const { id, jwt } = await newUser({ home: "mongodb", on: supabase });
  const before = await router.getDatabaseStats();
  const repository = router.getDatabaseService("mongodb", { id, jwt }).repository(categories);
  const kept = (await repository.create({ name: "Kept", kind: "expense" }))._unsafeUnwrap();
  const gone = (await repository.create({ name: "Gone", kind: "expense" }))._unsafeUnwrap();
  expect((await repository.delete(gone.id)).isOk()).toBe(true);
  const after = await router.getDatabaseStats();

  const stateWith = (kept: readonly { name: string }[]) => ({
    connected: true,
    totalUsers: expect.any(Number),
    collections: Object.fromEntries(kept.map(({ name }) => [name, expect.any(Number)])),
    error: null,
  });
  // what has its primary in Supabase is there, whoever's it is
  const [supabaseState, mongoState] = [
    stateWith(keptIn("supabase", allCollections)),
    stateWith(keptIn("mongodb", allCollections)),
  ];
  const home = { accepting: expect.any(Boolean), bytes: expect.any(Number), capacity_bytes: null, estimated: {} };
  expect(after).toEqual({
    userDistribution: { mongodb: expect.any(Number), supabase: expect.any(Number) },
    totalUsers: Number(after.mongodb.totalUsers) + Number(after.supabase.totalUsers),
    mongodb: mongoState,
    supabase: supabaseState,
    homes: [
      { name: "supabase", kind: "postgres", ...home, ...supabaseState },
      { name: "mongodb", kind: "mongodb", ...home, ...mongoState },
    ],
    timestamp: new Date(now).toISOString(),
  });
  expect(after.mongodb.collections.categories).toBe(Number(before.mongodb.collections.categories) + 1);
  expect((await repository.get(kept.id)).isOk()).toBe(true);
});

test.each([
  ["mongodb://h:1/books?x=1", undefined, "books"],
  ["mongodb+srv://u:p@h/", undefined, "switchyard"],
  ["mongodb://h1:1,h2:2", undefined, "switchyard"],
  ["mongodb://h/books", "other", "other"],
])("the database at %s, with %s named, is %s", (url, named, name) => expect(databaseName(url, named)).toBe(name));
