import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { FAILURES } from "../../shared/placement/breaker.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Mode } from "./proxy.ts";
import { atSomeScale, TooSlow } from "./scale.ts";
import { type FailingSystem, type Instance, startFailingSystem } from "./system.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];
const FAULTS: readonly Mode[] = ["refuse", "hang", "cut"];

let system: FailingSystem;
let users: Record<Home, TestUser>;

beforeAll(async () => {
  system = await startFailingSystem();
  users = { supabase: await system.user("supabase"), mongodb: await system.user("mongodb") };
});
afterAll(() => system?.stop());

const allPass = async () => {
  for (const home of HOMES) await system.proxies[home].set("pass");
};
afterEach(allPass);

/** Calls until the database has served the user: the first may meet a connection that has just been cut. */
const isBack = (instance: Instance, user: TestUser) =>
  vi.waitUntil(
    () =>
      instance.served(user).then(
        () => true,
        (error) => {
          if (error instanceof TooSlow) throw error;
          return false;
        },
      ),
    PATIENT,
  );

/** An instance that both databases have served, so that what follows is the fault's doing. */
const onInstance = (attempt: (instance: Instance) => Promise<void>) =>
  atSomeScale(async (deadlineMs) => {
    await allPass();
    const instance = system.instance(deadlineMs);
    for (const home of HOMES) await isBack(instance, users[home]);
    await attempt(instance);
  });

/** What a request is answered; "busy" where an answer to an earlier one came so late that it counted for the database. */
const answerOf = async ({ use }: Instance, user: TestUser): Promise<string> => {
  const answer = await use(user);
  if (answer === "busy") throw new TooSlow();
  return answer;
};

/** Enough requests at the same time that the breaker opens. */
const openBreaker = async (instance: Instance, home: Home) => {
  const answers = await Promise.all(Array.from({ length: FAILURES }, () => answerOf(instance, users[home])));
  expect(new Set(answers)).toEqual(new Set(["unavailable"]));
  await vi.waitUntil(() => instance.lines.some((line) => line.includes("breaker_open")), PATIENT);
};

describe.each(HOMES)("%s is down", (down) => {
  const up: Home = down === "supabase" ? "mongodb" : "supabase";

  test.each(FAULTS)("%s: its users get unavailable, the others notice nothing, and it comes back by itself", (fault) =>
    onInstance(async (instance) => {
      await system.proxies[down].set(fault);
      expect(await answerOf(instance, users[down])).toBe("unavailable");
      await instance.served(users[up]);
      await openBreaker(instance, down);
      await instance.served(users[up]);

      await system.proxies[down].set("pass");
      await isBack(instance, users[down]);
      expect(instance.lines.some((line) => line.includes("breaker_closed"))).toBe(true);
    }),
  );

  test("while the breaker is open the database gets no calls", () =>
    onInstance(async (instance) => {
      await system.proxies[down].set("hang");
      await openBreaker(instance, down);
      const called: string[] = [];
      const onCall = (database: string) => called.push(database);
      const answers = await Promise.all(Array.from({ length: 50 }, () => instance.use(users[down], { onCall })));
      expect(new Set(answers)).toEqual(new Set(["unavailable"]));
      // at most the one probe
      expect(called.length).toBeLessThanOrEqual(1);
    }));

  test("health is degraded and the statistics leave out what cannot be known", () =>
    onInstance(async ({ router }) => {
      await system.proxies[down].set("hang");
      const [health, stats] = await Promise.all([router.getHealth(), router.getDatabaseStats()]);
      if (health.status === "unhealthy" || !stats[up].connected) throw new TooSlow();
      expect(health.status).toBe("degraded");
      expect(health.databases[down === "supabase" ? "postgresql" : "mongodb"]?.connected).toBe(false);
      expect(stats[down]).toMatchObject({ connected: false, error: expect.stringMatching(/does not answer in time/) });
      expect(new Set(Object.values(stats[down].collections))).toEqual(new Set([null]));
      expect(stats[up]).toMatchObject({ connected: true, error: null });
      expect(stats[up].collections.categories).toBeGreaterThan(0);
      // homes are counted in Supabase
      expect(stats.totalUsers === null).toBe(down === "supabase");
    }));
});

// what nothing answers in time is no matter of the machine's speed
const SHORT_MS = 300;

test("all down: unhealthy, and every answer still comes", async () => {
  await system.proxies.supabase.set("refuse");
  await system.proxies.mongodb.set("hang");
  const { router, use } = system.instance(SHORT_MS);
  expect((await router.getHealth()).status).toBe("unhealthy");
  expect(await use(users.supabase)).toBe("unavailable");
  expect(await use(users.mongodb)).toBe("unavailable");
});

test("a home that must be looked up is unavailable while Supabase is away, one that is known is not", async () => {
  const { id, jwt } = await system.user("mongodb");
  const { router } = system.instance(HANGS_MS);
  await system.proxies.supabase.set("hang");
  const unknown = await router.getDatabaseServiceForUser({ id, jwt, signal: AbortSignal.timeout(SHORT_MS) });
  expect(unknown._unsafeUnwrapErr().code).toBe("unavailable");
  await system.proxies.supabase.set("pass");
  expect((await router.getDatabaseServiceForUser({ id, jwt })).isOk()).toBe(true);
  await system.proxies.supabase.set("hang");
  const known = await router.getDatabaseServiceForUser({ id, jwt, signal: AbortSignal.timeout(SHORT_MS) });
  expect(known._unsafeUnwrap().database).toBe("mongodb");
});

test("who was deleted stays refused while Supabase is away, and nobody else is", async () => {
  const { router } = system.instance(HANGS_MS);
  const [gone, there] = [await system.user("mongodb"), await system.user("mongodb")];
  expect((await router.deleteUser(gone.id)).isOk()).toBe(true);
  await system.proxies.supabase.set("refuse");
  const standing = ({ id }: TestUser) => router.standingOf({ userId: id, issuedAt: Date.now() / 1_000 });
  expect([await standing(gone), await standing(there)]).toEqual(["deleted", "good"]);
});
