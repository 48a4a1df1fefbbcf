import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { FAILURES } from "../../shared/placement/breaker.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Mode } from "./proxy.ts";
import { type FailingSystem, startFailingSystem } from "./system.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];
const FAULTS: readonly Mode[] = ["refuse", "hang", "cut"];
const RECOVERY = { timeout: 10_000, interval: 100 };

let system: FailingSystem;
let users: Record<Home, TestUser>;

beforeAll(async () => {
  system = await startFailingSystem();
  users = { supabase: await system.user("supabase"), mongodb: await system.user("mongodb") };
});
afterAll(() => system?.stop());

afterEach(async () => {
  for (const home of HOMES) await system.proxies[home].set("pass");
  for (const home of HOMES) await vi.waitFor(async () => expect(await system.use(users[home])).toBe("done"), RECOVERY);
});

/** Enough requests at the same time that the breaker opens. */
const openBreaker = async (home: Home) => {
  const answers = await Promise.all(Array.from({ length: FAILURES }, () => system.use(users[home])));
  expect(new Set(answers)).toEqual(new Set(["unavailable"]));
  await vi.waitFor(() => expect(system.lines.some((line) => line.includes(`breaker_open`))).toBe(true), RECOVERY);
};

describe.each(HOMES)("%s is down", (down) => {
  const up: Home = down === "supabase" ? "mongodb" : "supabase";

  test.each(FAULTS)(
    "%s: its users get unavailable, the others notice nothing, and it comes back by itself",
    async (fault) => {
      system.lines.length = 0;
      await system.proxies[down].set(fault);
      expect(await system.use(users[down])).toBe("unavailable");
      expect(await system.use(users[up])).toBe("done");
      await openBreaker(down);
      expect(await system.use(users[up])).toBe("done");

      await system.proxies[down].set("pass");
      await vi.waitFor(async () => expect(await system.use(users[down])).toBe("done"), RECOVERY);
      expect(system.lines.some((line) => line.includes("breaker_closed"))).toBe(true);
    },
  );

  test("while the breaker is open the database gets no calls", async () => {
    system.lines.length = 0;
    await system.proxies[down].set("hang");
    await openBreaker(down);
    const called: string[] = [];
    const onCall = (database: string) => called.push(database);
    const answers = await Promise.all(Array.from({ length: 50 }, () => system.use(users[down], { onCall })));
    expect(new Set(answers)).toEqual(new Set(["unavailable"]));
    // at most the one probe
    expect(called.length).toBeLessThanOrEqual(1);
  });

  test("health is degraded and the statistics leave out what cannot be known", async () => {
    expect(await system.use(users[up])).toBe("done");
    await system.proxies[down].set("hang");
    const router = system.anotherRouter();
    const [health, stats] = await Promise.all([router.getHealth(), router.getDatabaseStats()]);
    expect(health.status).toBe("degraded");
    expect(health.databases[down === "supabase" ? "postgresql" : "mongodb"]?.connected).toBe(false);
    expect(stats[down]).toMatchObject({ connected: false, error: expect.stringMatching(/does not answer in time/) });
    expect(new Set(Object.values(stats[down].collections))).toEqual(new Set([null]));
    expect(stats[up]).toMatchObject({ connected: true, error: null });
    expect(stats[up].collections.categories).toBeGreaterThan(0);
    // homes are counted in Supabase
    expect(stats.totalUsers === null).toBe(down === "supabase");
  });
});

test("all down: unhealthy, and every answer still comes", async () => {
  await system.proxies.supabase.set("refuse");
  await system.proxies.mongodb.set("hang");
  const router = system.anotherRouter();
  expect((await router.getHealth()).status).toBe("unhealthy");
  expect(await system.use(users.supabase)).toBe("unavailable");
  expect(await system.use(users.mongodb)).toBe("unavailable");
});

test("a home that must be looked up is unavailable while Supabase is away, one that is known is not", async () => {
  const { id, jwt } = await system.user("mongodb");
  const router = system.anotherRouter();
  await system.proxies.supabase.set("hang");
  const unknown = await router.getDatabaseServiceForUser({ id, jwt, signal: AbortSignal.timeout(300) });
  expect(unknown._unsafeUnwrapErr().code).toBe("unavailable");
  await system.proxies.supabase.set("pass");
  expect((await router.getDatabaseServiceForUser({ id, jwt })).isOk()).toBe(true);
  await system.proxies.supabase.set("hang");
  const known = await router.getDatabaseServiceForUser({ id, jwt, signal: AbortSignal.timeout(300) });
  expect(known._unsafeUnwrap().provider).toBe("mongodb");
});

test("who was deleted stays refused while Supabase is away, and nobody else is", async () => {
  const router = system.anotherRouter();
  const [gone, there] = [await system.user("mongodb"), await system.user("mongodb")];
  expect((await router.deleteUser(gone.id)).isOk()).toBe(true);
  await system.proxies.supabase.set("hang");
  expect([await router.isDeleted(gone.id), await router.isDeleted(there.id)]).toEqual([true, false]);
});
