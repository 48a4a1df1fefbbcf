/** One user's calls hold every connection that an instance, or PostgREST, has for requests: that is no outage. */
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { categories } from "../../shared/collections/categories.ts";
import { FAILURES } from "../../shared/placement/breaker.ts";
import type { Router } from "../../shared/placement/router.ts";
import type { Home, TestUser } from "../setup/users.ts";
import { type FailingSystem, startFailingSystem } from "./system.ts";

/** Of each database, the calls of requests, and those that wait for the same connections. */
const HELD: Readonly<Record<Home, RegExp>> = {
  mongodb: /^(find|aggregate|insert)$/,
  supabase: /rpc\/(records_|switchyard_can_place)/,
};
/** More than the pool has connections. */
const SLOW = 15;
/** No call is late here because the machine is slow: those that are held never come. */
const LONG_MS = 60_000;
const PATIENT = { probeMs: LONG_MS };
const WAIT = { timeout: LONG_MS };

let system: FailingSystem;
beforeAll(async () => {
  system = await startFailingSystem();
});
afterAll(() => system?.stop());

async function list(router: Router, { id, jwt, home }: TestUser, signal = AbortSignal.timeout(LONG_MS)) {
  const service = await router.getDatabaseServiceForUser({ id, jwt, home, signal });
  const query = { filters: [], sort: { field: "created_at", direction: "asc" }, limit: 200 } as const;
  const answer = await service._unsafeUnwrap().repository(categories).list(query);
  return answer.match(
    () => "done",
    ({ code }) => code,
  );
}

describe.each(Object.keys(HELD) as Home[])("%s", (home) => {
  test(
    "no breaker opens, health says connected, and everybody is served once there is a connection again",
    async () => {
      const [slow, other, router] = [await system.user(home), await system.user(home), system.anotherRouter(PATIENT)];
      const opened = () => system.lines.filter((line) => line.includes("breaker_open"));
      await vi.waitUntil(async () => (await list(router, slow)) === "done", WAIT);
      const { release } = system.proxies[home].hold(HELD[home]);
      const deadline = new AbortController();
      const answers = Array.from({ length: Math.max(SLOW, FAILURES * 3) }, () => list(router, slow, deadline.signal));
      // as many as fit are under way
      const asked = () => system.proxies[home].calls.filter((call) => HELD[home].test(call)).length;
      await vi.waitUntil(() => asked() > FAILURES, WAIT);
      deadline.abort();
      // the driver may have given up some of those that wait before that
      for (const answer of await Promise.all(answers)) expect(["unavailable", "busy"]).toContain(answer);
      const { databases } = await router.getHealth();
      expect(databases[home === "mongodb" ? "mongodb" : "postgresql"]).toMatchObject({ connected: true, error: null });
      await turn();
      expect(opened()).toEqual([]);
      release();
      await vi.waitFor(async () => expect(await list(router, other)).toBe("done"), WAIT);
      expect(opened()).toEqual([]);
    },
    LONG_MS,
  );
});

test(
  "who gets no connection of MongoDB's in time is told that it is busy",
  async () => {
    const [slow, router] = [await system.user("mongodb"), system.anotherRouter(PATIENT)];
    await vi.waitUntil(async () => (await list(router, slow)) === "done", WAIT);
    const { release } = system.proxies.mongodb.hold(HELD.mongodb);
    const deadline = new AbortController();
    const all = Array.from({ length: SLOW }, () => list(router, slow, deadline.signal));
    // the driver gives up the wait for one before that
    expect(await Promise.any(all)).toBe("busy");
    deadline.abort();
    release();
    expect(new Set(await Promise.all(all))).toEqual(new Set(["busy", "unavailable"]));
    await vi.waitFor(async () => expect(await list(router, slow)).toBe("done"), WAIT);
  },
  LONG_MS,
);
