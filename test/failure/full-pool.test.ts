/** One user's calls hold every connection that an instance, or PostgREST, has for requests: that is no outage. */
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { categories } from "../../shared/collections/categories.ts";
import { FAILURES } from "../../shared/placement/breaker.ts";
import type { Router } from "../../shared/placement/router.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import type { Home, TestUser } from "../setup/users.ts";
import { atSomeScale, TooSlow } from "./scale.ts";
import { type FailingSystem, startFailingSystem } from "./system.ts";

/** Of each database, the calls of requests, and those that wait for the same connections. */
const HELD: Readonly<Record<Home, RegExp>> = {
  // what a database says of itself, which its health is known by, is a find
  mongodb: /^aggregate$/,
  // through REST, and what comes ahead of a user's statement where there is none
  supabase: /rpc\/(records_|switchyard_health)|num_nulls/,
};
/** More than the pool has connections. */
const SLOW = 15;

let system: FailingSystem;
beforeAll(async () => {
  system = await startFailingSystem();
});
afterAll(() => system?.stop());

async function count(router: Router, { id, jwt, home }: TestUser, signal = AbortSignal.timeout(HANGS_MS)) {
  const service = await router.getDatabaseServiceForUser({ id, jwt, home, signal });
  const answer = await service._unsafeUnwrap().repository(categories).count({ filters: [] });
  return answer.match(
    () => "done",
    ({ code }) => code,
  );
}

describe.each(Object.keys(HELD) as Home[])("%s", (home) => {
  test("no breaker opens, health says connected, and everybody is served once there is a connection again", async () => {
    const [slow, other] = [await system.user(home), await system.user(home)];
    // no call is late here because the machine is slow: those that are held never come
    const { router, lines } = system.instance(HANGS_MS);
    const opened = () => lines.filter((line) => line.includes("breaker_open"));
    expect(await count(router, slow)).toBe("done");
    const { release } = system.proxies[home].hold(HELD[home]);
    const deadline = new AbortController();
    const answers = Array.from({ length: Math.max(SLOW, FAILURES * 3) }, () => count(router, slow, deadline.signal));
    // as many as fit are under way
    const asked = () => system.proxies[home].calls.filter((call) => HELD[home].test(call)).length;
    await vi.waitUntil(() => asked() >= FAILURES, PATIENT);
    deadline.abort();
    for (const answer of await Promise.all(answers)) expect(["unavailable", "busy"]).toContain(answer);
    const { databases } = await router.getHealth();
    expect(databases[home === "mongodb" ? "mongodb" : "postgresql"]).toMatchObject({ connected: true, error: null });
    await turn();
    expect(opened()).toEqual([]);
    release();
    await vi.waitFor(async () => expect(await count(router, other)).toBe("done"), PATIENT);
    expect(opened()).toEqual([]);
  });
});

test("who gets no connection of MongoDB's in time is told that it is busy", () =>
  atSomeScale(async (connectMs) => {
    const slow = await system.user("mongodb");
    const { router } = system.instance(HANGS_MS, connectMs);
    if ((await count(router, slow)) !== "done") throw new TooSlow("no connection at all");
    const { release } = system.proxies.mongodb.hold(HELD.mongodb);
    const deadline = new AbortController();
    try {
      const all = Array.from({ length: SLOW }, () => count(router, slow, deadline.signal));
      // the driver gives up the wait for one
      if ((await Promise.any(all)) !== "busy") throw new TooSlow("connections that could not be made");
      deadline.abort();
      release();
      for (const answer of await Promise.all(all)) expect(["busy", "unavailable"]).toContain(answer);
    } finally {
      deadline.abort();
      release();
    }
    await vi.waitFor(async () => expect(await count(router, slow)).toBe("done"), PATIENT);
  }));
