import { err, ok } from "neverthrow";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { misconfigured, unavailable } from "../../shared/contract/errors.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import type { DatabaseRow } from "../../shared/placement/assignment.ts";
import { downReason } from "../../shared/placement/down-reason.ts";
import { createHealth } from "../../shared/placement/health.ts";
import type { Database } from "../../shared/repository/database.ts";

type Probe = Database["system"]["probe"];

const up: Probe = async () => ok(null);
const down: Probe = async () => {
  throw Object.assign(new Error("connect ECONNREFUSED mongodb://root:geheim@10.0.0.1"), { code: "ECONNREFUSED" });
};
const hanging: Probe = () => new Promise(() => {});
const databases = (supabase: Probe, mongodb?: Probe) => [
  { name: "supabase", title: "Supabase", kind: "postgres" as const, system: { probe: supabase } },
  ...(mongodb ? [{ name: "mongodb", title: "MongoDB", kind: "mongodb" as const, system: { probe: mongodb } }] : []),
];
const health = (supabase: Probe, mongodb?: Probe) =>
  createHealth({ databases: databases(supabase, mongodb), clock: Date.now })();

describe("health", () => {
  test("healthy: all answer", async () => {
    const { status, databases, message } = await health(up, up);
    expect(status).toBe("healthy");
    expect(databases).toEqual({
      mongodb: { connected: true, latencyMs: expect.any(Number), error: null },
      postgresql: { connected: true, latencyMs: expect.any(Number), error: null },
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(message).toBe("All databases answer.");
  });

  test("MongoDB that is not configured is null and no fault", async () => {
    const { status, databases } = await health(up);
    expect([status, databases.mongodb]).toEqual(["healthy", null]);
  });

  test("degraded: one is down", async () => {
    const { status, databases, message } = await health(up, down);
    expect([status, databases.postgresql.connected, databases.mongodb?.connected]).toEqual(["degraded", true, false]);
    expect(message).toMatch("MongoDB refuses connections");
    expect(JSON.stringify(databases)).not.toMatch(/geheim|10\.0\.0\.1/);
  });

  test("degraded: one answers, and cannot be used as it is; it is listed with all the others", async () => {
    const { status, homes, message } = await health(up, async () => ok("MongoDB has not been prepared."));
    expect([status, message]).toEqual(["degraded", "MongoDB has not been prepared."]);
    expect(homes).toMatchObject([
      { name: "supabase", kind: "postgres", connected: true, error: null },
      { name: "mongodb", kind: "mongodb", connected: true, error: "MongoDB has not been prepared." },
    ]);
  });

  test("one that takes users, or has, and is not configured here is listed as down; one that never did is not", async () => {
    const row = (name: string, accepting: boolean, opened_at: string | null) =>
      ({ name, kind: "postgres", accepting, opened_at }) as DatabaseRow;
    const rows = async () =>
      ok([row("supabase", true, ""), row("neon", true, null), row("rds", false, ""), row("later", false, null)]);
    const { status, homes } = await createHealth({ databases: databases(up), rows, clock: Date.now })();
    expect(status).toBe("degraded");
    expect(homes.map(({ name, connected }) => [name, connected])).toEqual([
      ["supabase", true],
      ["neon", false],
      ["rds", false],
    ]);
    expect(homes[1]?.error).toMatch("DATABASE_NEON");
  });

  test("unhealthy: all are down, or the only one", async () => {
    expect((await health(async () => err(unavailable("no")), down)).status).toBe("unhealthy");
    expect((await health(down)).status).toBe("unhealthy");
  });

  test("one that hangs is down, and the answer comes", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const answer = health(hanging, up);
    await vi.advanceTimersByTimeAsync(deadlinesOf().probeMs);
    const { status, databases } = await answer;
    expect(status).toBe("degraded");
    expect(databases.postgresql).toEqual({
      connected: false,
      latencyMs: null,
      error: "Supabase does not answer in time.",
    });
  });

  test("requests share one look, for a second after its end", async () => {
    let looks = 0;
    let now = 0;
    const counted: Probe = async () => {
      looks++;
      return ok(null);
    };
    const look = createHealth({ databases: databases(counted), clock: () => now });
    await Promise.all(Array.from({ length: 100 }, look));
    now = 999;
    await look();
    expect(looks).toBe(1);
    now = 1_001;
    await look();
    expect(looks).toBe(2);
  });
});

describe("why a database is down", () => {
  test.each([
    [new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } }), "refuses connections"],
    [
      unavailable("x", { message: "TypeError: fetch failed", details: "Error: getaddrinfo ENOTFOUND db.x" }),
      "host name",
    ],
    [unavailable("x", { code: "PGRST301" }), "key or password"],
    [Object.assign(new Error("bad auth"), { name: "MongoServerError", code: 18 }), "key or password"],
    [unavailable("x", { code: "PGRST202" }), "migrations have not been applied"],
    [new DOMException("x", "TimeoutError"), "in time"],
    [new Error("who knows mongodb://a:b@c"), "X does not answer."],
    [undefined, "in time"],
    [misconfigured("Neon has not been prepared; run: switchyard db prepare neon"), /^Neon has .* db prepare neon$/],
  ])("%s", (failure, words) => expect(downReason("X", failure)).toMatch(words));
});
