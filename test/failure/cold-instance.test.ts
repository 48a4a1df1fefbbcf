/** An instance whose first request comes while a database is away. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { categories } from "../../shared/collections/categories.ts";
import type { Router } from "../../shared/placement/router.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Mode } from "./proxy.ts";
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

const count = async (router: Router, { id, jwt, home }: TestUser) => {
  const service = await router.getDatabaseServiceForUser({ id, jwt, home });
  return (await service._unsafeUnwrap().repository(categories).count({ filters: [] })).isOk();
};

describe.each(HOMES)("%s", (home) => {
  test.each(FAULTS)("%s: is refused, and found once it is back", async (fault) => {
    const [user, router] = [await system.user(home), system.anotherRouter()];
    await system.proxies[home].set(fault);
    expect(await count(router, user)).toBe(false);
    await system.proxies[home].set("pass");
    await vi.waitUntil(() => count(router, user), { timeout: 5_000, interval: 100 });
  });
});
