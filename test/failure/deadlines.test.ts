/**
 * What the API promises of its own time, on an instance that has asked nothing yet: the worst case. Every promise is a
 * part of the request's deadline, so it is held against a deadline of the test's own.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Home } from "../setup/users.ts";
import { atSomeScale, TooSlow } from "./scale.ts";
import { type FailingSystem, startFailingSystem } from "./system.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];
/** Of the deadline: less than what the drivers' own time-outs would take. */
const [HEALTH, ANSWER] = [0.8, 1.4];

let system: FailingSystem;
beforeAll(async () => {
  system = await startFailingSystem();
});
afterAll(() => system?.stop());

const timed = ({ headers }: Response) =>
  [...(headers.get("server-timing") ?? "").matchAll(/(\w+);dur=[\d.]+/g)].map(([, name]) => name).sort();

/** The answer, which has come within that part of the deadline; `asked`: the database that it was not too late to ask. */
const inTime = (
  path: string,
  user: Parameters<ReturnType<FailingSystem["instance"]>["request"]>[1],
  part: number,
  asked?: Home,
) =>
  atSomeScale(async (deadlineMs) => {
    const { request } = system.instance(deadlineMs);
    const start = performance.now();
    const response = await request(path, user);
    if (performance.now() - start > part * deadlineMs) throw new TooSlow(`${path} took too long`);
    const body = await response.json();
    // the one that is there was too late, too
    if (body.status === "unhealthy") throw new TooSlow(path);
    const databases = timed(response);
    // finding out who asks has taken all of the time
    if (asked && databases.length === 0) throw new TooSlow(path);
    return { response, body, databases };
  });

describe.each(HOMES)("%s takes connections and never answers", (hanging) => {
  const admin = (home: Home) => system.user(home, { role: "admin" });
  let users: Record<"any" | "other" | "hanging", Awaited<ReturnType<typeof admin>>>;
  beforeAll(async () => {
    users = { any: await admin("supabase"), other: await admin("mongodb"), hanging: await admin(hanging) };
    await system.proxies[hanging].set("hang");
  });
  afterAll(() => system.proxies[hanging].set("pass"));

  test("health says so before half of a request's time is over", async () => {
    const { body, databases } = await inTime("/api/health", users.any, HEALTH);
    expect(body).toMatchObject({ status: "degraded" });
    expect(databases).toEqual(["mongodb", "supabase"]);
  });

  test("the statistics come in time, without what cannot be known", async () => {
    const { body, databases } = await inTime("/api/admin/database-stats", users.other, ANSWER);
    expect(body).toMatchObject({ [hanging]: { connected: false } });
    expect(databases).toEqual(["mongodb", "supabase"]);
  });

  test("measures come in time, and what Supabase keeps of them is absent while it hangs", async () => {
    const { response, body } = await inTime("/api/admin/metrics", users.other, ANSWER);
    expect(response.status).toBe(200);
    expect([body.totals === null, body.series === null, body.replication === null]).toEqual(
      Array(3).fill(hanging === "supabase"),
    );
    expect(body.databases).toContainEqual(expect.objectContaining({ name: hanging, connected: false }));
  });

  test("what was set aside: what Supabase knows of it comes before MongoDB is given up, and a refusal while Supabase hangs", async () => {
    const path = "/api/admin/replication/dead";
    const { response, body } = await inTime(path, users.other, hanging === "mongodb" ? HEALTH : ANSWER);
    if (hanging === "mongodb") expect(body).toEqual({ items: [], next_cursor: null, way_back: null });
    else expect([response.status, body.code]).toEqual([503, "unavailable"]);
  });

  test.for(["/api/expenses", "/api/expenses/count"])("%s is refused in time", async (path) => {
    const { response, databases } = await inTime(path, users.hanging, ANSWER, hanging);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^[1-9]/)]);
    expect(databases).toEqual([hanging]);
  });
});

test("a home that must be looked up in a Supabase that hangs: refused in time", async ({ onTestFinished }) => {
  const { id, email, ...user } = await system.user("mongodb");
  const jwt = await system.tokenOf({ id, email });
  await system.proxies.supabase.set("hang");
  onTestFinished(() => system.proxies.supabase.set("pass"));
  for (const path of ["/api/me", "/api/expenses"])
    expect((await inTime(path, { ...user, id, email, jwt }, ANSWER)).response.status).toBe(503);
});
