/** Limits as a caller sees them: header fields, problems, and whose requests are counted together. */
import { describe, expect, test } from "vitest";
import { createApp } from "../../api/_app.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { createLimits } from "../../shared/limits/limits.ts";
import { createLog } from "../../shared/log.ts";
import type { Router } from "../../shared/placement/router.ts";
import { SOMEBODY } from "../setup/somebody.ts";

const log = createLog({ level: "silent" });

/** An API whose token is the user's id, and whose records are none. */
function apiWith(text: string, more: Record<string, string> = {}) {
  const config = loadApiConfig({
    SUPABASE_URL: "http://127.0.0.1:9",
    SUPABASE_PUBLISHABLE_KEY: "publishable",
    SUPABASE_SECRET_KEY: "secret",
    ALLOWED_ORIGINS: "https://app.example",
    RATE_LIMITS: text,
    ...more,
  });
  const router = { standingOf: async () => "good" } as unknown as Router;
  const limits = createLimits({ settings: config.RATE_LIMITS, log });
  const app = createApp(() => ({
    config,
    log,
    router,
    clock: Date.now,
    verify: async (token) => ({ user: { ...SOMEBODY, id: token.split(".")[0] ?? "" } }),
    limits,
  }));
  return (path: string, { who = "ann", method = "GET", headers = {}, from = "192.0.2.1" } = {}) =>
    app.request(
      `/api${path}`,
      { method, headers: { authorization: `Bearer ${who}.x.y`, ...headers } },
      { incoming: { socket: { remoteAddress: from } } },
    );
}
const statuses = async (answers: Iterable<Response | Promise<Response>>) =>
  (await Promise.all(answers)).map(({ status }) => status);
const times = <T>(n: number, make: (index: number) => T) => Array.from({ length: n }, (_, index) => make(index));

describe("of one user", () => {
  test("each class has its own, and the answer says what is left", async () => {
    const ask = apiWith("reads=2,writes=1,admin=1,export=1,address=none");
    const first = await ask("/admin/database-stats");
    expect([first.status, first.headers.get("ratelimit-policy"), first.headers.get("ratelimit")]).toEqual([
      403,
      '"admin";q=1;w=60',
      expect.stringMatching(/^"admin";r=0;t=(60|59)$/),
    ]);
    const over = await ask("/admin/database-stats");
    expect([over.status, over.headers.get("content-type")]).toEqual([429, "application/problem+json"]);
    expect(await over.json()).toMatchObject({ code: "rate_limited", title: "Too many requests" });
    expect(Number(over.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(over.headers.get("ratelimit")).toMatch(/^"admin";r=0;t=/);
    expect((await ask("/admin/database-stats", { who: "bob" })).status).toBe(403);
    // without sessions configured both answer 503, and count
    expect(await statuses(times(3, () => ask("/sessions")))).toEqual([503, 503, 429]);
    expect(await statuses(times(2, () => ask("/sessions", { method: "DELETE" })))).toEqual([503, 429]);
    for (const [who, path] of Object.entries({ eve: "/me/export", pat: "/contacts/export.csv" }))
      expect((await ask(path, { who })).headers.get("ratelimit")).toMatch(/^"export";/);
  });

  test("who is not let in is counted by address alone", async () => {
    const ask = apiWith("reads=1,address=2");
    const answers = times(3, () => ask("/sessions", { headers: { authorization: "Basic x" } }));
    expect((await statuses(answers)).sort()).toEqual([401, 401, 429]);
  });
});

describe("of one address", () => {
  test("all of its users and routes count together, and others do not", async () => {
    const ask = apiWith("address=3");
    expect(await statuses(times(4, (n) => ask("/config", { who: `user-${n}` })))).toEqual([200, 200, 200, 429]);
    expect((await ask("/config", { from: "192.0.2.2" })).status).toBe(200);
    expect((await ask("/config", { from: "::ffff:192.0.2.1" })).status).toBe(429);
  });

  test("of IPv6 it is the /64", async () => {
    const ask = apiWith("address=1");
    expect((await ask("/config", { from: "2001:db8:0:1::1" })).status).toBe(200);
    expect((await ask("/config", { from: "2001:db8:0:1:ffff::2" })).status).toBe(429);
    expect((await ask("/config", { from: "2001:db8:0:2::1" })).status).toBe(200);
  });

  test("what a caller may write themselves is not believed", async () => {
    const ask = apiWith("address=1");
    const forged = (n: number) => ({ "x-forwarded-for": `198.51.100.${n}`, "x-real-ip": `198.51.100.${n}` });
    expect(await statuses(times(2, (n) => ask("/config", { headers: forged(n) })))).toEqual([200, 429]);
  });

  test.each([
    ["x-real-ip", { CLIENT_ADDRESS_HEADER: "X-Real-IP" }],
    ["x-vercel-forwarded-for", { VERCEL: "1" }],
  ])("the platform's own header is: %s", async (name, more) => {
    const ask = apiWith("address=1", more);
    const from = (address: string) => ask("/config", { headers: { [name]: address } });
    expect((await from("198.51.100.1")).status).toBe(200);
    expect((await from("203.0.113.9, 198.51.100.1")).status).toBe(429);
    expect((await from("198.51.100.2")).status).toBe(200);
    expect((await from("nonsense")).status).toBe(200);
  });
});

test("a page may read the fields, and asking whether it may is not counted", async () => {
  const ask = apiWith("address=1");
  const origin = { origin: "https://app.example" };
  const before = { method: "OPTIONS", headers: { ...origin, "access-control-request-method": "GET" } };
  expect(await statuses(times(3, () => ask("/config", before)))).toEqual([204, 204, 204]);
  const answer = await ask("/config", { headers: origin });
  expect(answer.headers.get("access-control-expose-headers")).toMatch(/ratelimit-policy,ratelimit\b/);
  expect(answer.headers.get("ratelimit-policy")).toBe('"address";q=1;w=60');
});

test("without limits nothing is counted or said", async () => {
  const ask = apiWith("none");
  const answers = await Promise.all(times(50, () => ask("/config")));
  expect(new Set(answers.map(({ status, headers }) => `${status} ${headers.get("ratelimit")}`))).toEqual(
    new Set(["200 null"]),
  );
});

test("that each instance counts alone is said where there may be others", () => {
  const lines: string[] = [];
  const told = createLog({ level: "warn", write: (line) => lines.push(line) });
  const settings = { reads: 1, writes: 1, admin: 1, export: 1, address: 1 };
  createLimits({ settings, isAlone: true, log: told });
  expect(lines).toEqual([]);
  createLimits({ settings, log: told });
  expect(lines).toEqual([expect.stringContaining("limits_in_memory")]);
});
