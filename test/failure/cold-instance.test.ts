/** An instance whose first request comes while a database is away. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { categories } from "../../shared/collections/categories.ts";
import type { Router } from "../../shared/placement/router.ts";
import { PATIENT } from "../setup/patience.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Mode } from "./proxy.ts";
import { atSomeScale, TooSlow } from "./scale.ts";
import { type FailingSystem, startFailingSystem } from "./system.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];
const FAULTS: readonly Mode[] = ["refuse", "hang", "cut"];

let system: FailingSystem;
beforeAll(async () => {
  system = await startFailingSystem();
});
afterAll(() => system?.stop());
afterEach(async () => {
  for (const home of HOMES) await system.proxies[home].set("pass");
});

// what nothing answers in time is no matter of the machine's speed
const SHORT_MS = 300;

const count = async (router: Router, { id, jwt, home }: TestUser, signal?: AbortSignal) => {
  const service = await router.getDatabaseServiceForUser({ id, jwt, home, ...(signal && { signal }) });
  return (await service._unsafeUnwrap().repository(categories).count({ filters: [] })).isOk();
};

describe.each(HOMES)("%s", (home) => {
  test.each(FAULTS)("%s: is refused, and found once it is back", async (fault) => {
    const user = await system.user(home);
    await atSomeScale(async (deadlineMs) => {
      const { router } = system.instance(deadlineMs);
      await system.proxies[home].set(fault);
      expect(await count(router, user, AbortSignal.timeout(SHORT_MS))).toBe(false);
      await system.proxies[home].set("pass");
      await vi.waitUntil(async () => {
        const signal = AbortSignal.timeout(deadlineMs);
        const found = await count(router, user, signal);
        if (!found && signal.aborted) throw new TooSlow();
        return found;
      }, PATIENT);
    });
  });
});
