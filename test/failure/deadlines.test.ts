/** What the API promises of its own time, on an instance that has asked nothing yet: the worst case. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Home } from "../setup/users.ts";
import { type FailingSystem, startFailingSystem } from "./system.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];

let system: FailingSystem;
beforeAll(async () => {
  system = await startFailingSystem();
});
afterAll(() => system?.stop());

async function ask(path: string, home: Home) {
  const user = await system.user(home, { role: "admin" });
  const api = system.anotherApi();
  return async () => {
    const start = performance.now();
    const response = await api(path, user);
    return { response, ms: performance.now() - start, databases: timed(response) };
  };
}
const timed = ({ headers }: Response) =>
  [...(headers.get("server-timing") ?? "").matchAll(/(\w+);dur=[\d.]+/g)].map(([, name]) => name).sort();

describe.each(HOMES)("%s takes connections and never answers", (hanging) => {
  let requests: Record<"health" | "stats" | "list" | "count", Awaited<ReturnType<typeof ask>>>;
  beforeAll(async () => {
    requests = {
      health: await ask("/api/health", "supabase"),
      stats: await ask("/api/admin/database-stats", "mongodb"),
      list: await ask("/api/expenses", hanging),
      count: await ask("/api/expenses/count", hanging),
    };
    await system.proxies[hanging].set("hang");
  });
  afterAll(() => system.proxies[hanging].set("pass"));

  test.concurrent("health says so within 2 s", async ({ expect }) => {
    const { response, ms, databases } = await requests.health();
    expect(ms).toBeLessThan(2_000);
    expect(await response.json()).toMatchObject({ status: "degraded" });
    expect(databases).toEqual(["mongodb", "supabase"]);
  });

  test.concurrent("the statistics come within 3 s, without what cannot be known", async ({ expect }) => {
    const { response, ms, databases } = await requests.stats();
    expect(ms).toBeLessThan(3_000);
    expect(await response.json()).toMatchObject({ [hanging]: { connected: false } });
    expect(databases).toEqual(["mongodb", "supabase"]);
  });

  test.concurrent.for(["list", "count"] as const)("a %s is refused within 3 s", async (name, { expect }) => {
    const { response, ms, databases } = await requests[name]();
    expect(ms).toBeLessThan(3_000);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^[1-9]/)]);
    expect(databases).toEqual([hanging]);
  });
});

test("a home that must be looked up in a Supabase that hangs: refused within 3 s", async ({ onTestFinished }) => {
  const { id, email, ...user } = await system.user("mongodb");
  const jwt = await system.tokenOf({ id, email });
  await system.proxies.supabase.set("hang");
  onTestFinished(() => system.proxies.supabase.set("pass"));
  const times = ["/api/me", "/api/expenses"].map(async (path) => {
    const start = performance.now();
    const { status } = await system.anotherApi()(path, { ...user, id, email, jwt });
    return { status, inTime: performance.now() - start < 3_000 };
  });
  expect(await Promise.all(times)).toEqual(Array(2).fill({ status: 503, inTime: true }));
});
