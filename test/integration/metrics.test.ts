/** Measures of the API as admins read them, of instances that bring theirs to Postgres. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { readMetricsText } from "../setup/metrics-text.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

interface Total {
  metric: string;
  labels: Record<string, string>;
  count: number;
  buckets: number[];
}
interface Body {
  totals: Total[] | null;
  series: {
    step_seconds: number;
    points: { requests: number; errors: number; databases: Record<string, { requests: number; p50: number }> }[];
    routes: { method: string; route: string; requests: number; refused: number }[];
  } | null;
  databases: { name: string; connected: boolean; breaker: string }[];
  replication: object | null;
  instance: { unflushed: number; dropped: number };
}

const METRICS_TOKEN = "a-token-of-a-scraper-0123456789ab";
let supabase: TestSupabase;
let one: ApiInstance;
let other: ApiInstance;
let admin: TestUser;
let user: TestUser;

beforeAll(async () => {
  // others that live for a minute bring their measures, too
  supabase = await startOwnDatabase();
  const options = { on: supabase, mongoUri: await preparedMongo("metrics") };
  one = await startApi({ ...options, more: { SINGLE_INSTANCE: "1", RATE_LIMITS: "export=1", METRICS_TOKEN } });
  other = await startApi(options);
  admin = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "admin" } });
  user = await newUser({ home: "mongodb", on: supabase });
});
afterAll(async () => {
  await one?.close();
  await other?.close();
  await supabase?.stop();
});

const get = (of: ApiInstance, path: string, { jwt }: TestUser, headers = {}) =>
  of.app.request(path, { headers: { authorization: `Bearer ${jwt}`, ...headers } });
const read = async (query = "", of = one): Promise<Body> => {
  const answer = await get(of, `/api/admin/metrics${query}`, admin);
  expect(answer.status).toBe(200);
  await one.judge("get", "/api/admin/metrics", answer.clone());
  return (await answer.json()) as Body;
};
const countOf = ({ totals }: Body, labels: object) =>
  (totals ?? [])
    .filter((total) => Object.entries(labels).every(([name, value]) => total.labels[name] === value))
    .reduce((sum, { count }) => sum + count, 0);

test("requests are counted by the route's pattern, the database and the outcome, over all instances", async () => {
  const id = crypto.randomUUID();
  expect((await get(one, `/api/contacts/${id}`, user)).status).toBe(404);
  expect((await get(other, `/api/contacts/${id}`, user)).status).toBe(404);
  expect((await get(one, "/api/contacts", user)).status).toBe(200);
  expect((await get(one, `/api/nothing/${id}`, user)).status).toBe(404);
  expect((await get(one, "/api/contacts?limit=x", user)).status).toBe(400);
  // each instance brings its own before it answers
  await read("", other);
  const body = await read();
  const route = "/api/contacts/{id}";
  expect(countOf(body, { route, database: "mongodb", status: "4xx", code: "not_found", method: "GET" })).toBe(2);
  expect(countOf(body, { route: "/api/contacts", database: "mongodb", status: "2xx", code: "" })).toBe(1);
  expect(countOf(body, { route: "/api/contacts", status: "4xx", code: "invalid_query" })).toBe(1);
  expect(countOf(body, { route: "unmatched", database: "none", code: "not_found" })).toBe(1);
  expect(JSON.stringify(body)).not.toContain(id);
  expect(body.totals?.find(({ metric }) => metric === "call")?.labels).toHaveProperty("path");
  expect(body.instance).toMatchObject({ unflushed: 0, dropped: 0 });
});

test("limits that were hit, and answers of the cache, are counted too", async () => {
  const before = await read();
  expect((await get(one, "/api/me/export", user)).status).toBe(200);
  expect((await get(one, "/api/me/export", user)).status).toBe(429);
  const after = await read();
  expect(countOf(after, { limit: "export" }) - countOf(before, { limit: "export" })).toBe(1);
  expect(countOf(after, { code: "rate_limited", route: "/api/me/export" })).toBe(1);
});

test("a series of points by the minute, and what was asked for most", async () => {
  const { series } = await read("?minutes=30");
  expect(series?.step_seconds).toBe(60);
  const all = series?.points.reduce((sum, { requests }) => sum + requests, 0) ?? 0;
  expect(all).toBeGreaterThanOrEqual(5);
  const inMongo = series?.points.flatMap(({ databases }) => databases.mongodb ?? []) ?? [];
  expect(inMongo.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThanOrEqual(3);
  expect(inMongo.every(({ p50 }) => p50 > 0 && p50 <= 10)).toBe(true);
  expect(series?.routes.find(({ route }) => route === "/api/contacts/{id}")).toMatchObject({ requests: 2, refused: 2 });
  const week = await read("?minutes=10080");
  expect(week.series?.step_seconds).toBe(3_600);
  expect(week.series?.points.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThanOrEqual(all);
  const later = new Date(Date.now() + 120_000).toISOString();
  expect((await read(`?since=${later}`)).series?.points).toEqual([]);
});

describe("as text", () => {
  test.each([
    ["prometheus", "?format=prometheus", {}],
    ["prometheus", "", { accept: "text/plain;version=0.0.4;q=0.5,*/*;q=0.1" }],
    ["openmetrics", "", { accept: "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.3" }],
  ] as const)("%s%s", async (format, query, headers) => {
    const answer = await get(one, `/api/admin/metrics${query}`, admin, headers);
    expect(answer.headers.get("content-type")).toMatch(
      format === "openmetrics" ? /^application\/openmetrics-text; version=1\.0\.0/ : /^text\/plain; version=0\.0\.4/,
    );
    const families = readMetricsText(await answer.text(), format);
    const counter = families.get(format === "openmetrics" ? "switchyard_requests" : "switchyard_requests_total");
    const missed = counter?.samples.find(({ labels }) => labels.route === "/api/contacts/{id}");
    expect(missed).toMatchObject({ value: 2, labels: { code: "not_found", database: "mongodb", method: "GET" } });
    const timed = families.get("switchyard_request_seconds")?.samples ?? [];
    expect(timed.length).toBeGreaterThan(0);
    expect(timed.every(({ labels }) => !("code" in labels))).toBe(true);
    const up = families.get("switchyard_database_up")?.samples ?? [];
    expect(up.map(({ labels: { database }, value }) => [database, value])).toEqual([
      ["supabase", 1],
      ["mongodb", 1],
    ]);
    expect(families.has("switchyard_replication_pending")).toBe(true);
  });
});

describe("a scraper", () => {
  const scrape = (of: ApiInstance, query = "", headers = {}) =>
    of.app.request(`/api/admin/metrics${query}`, { headers: { authorization: `Bearer ${METRICS_TOKEN}`, ...headers } });

  test("reads by its token what an admin reads, as text and as JSON", async () => {
    const text = await scrape(one, "", { accept: "text/plain;version=0.0.4" });
    expect([text.status, text.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^text\/plain/)]);
    const families = readMetricsText(await text.text(), "prometheus");
    expect(families.get("switchyard_requests_total")?.samples.length).toBeGreaterThan(0);
    const json = await scrape(one, "?minutes=30");
    await one.judge("get", "/api/admin/metrics", json.clone());
    expect(Object.keys(await json.json())).toEqual(Object.keys(await read("?minutes=30")));
    expect((await scrape(one, "?format=xml")).status).toBe(400);
    // which has none
    expect((await scrape(other)).status).toBe(401);
  });

  test("is let in while Supabase is away, and hears how the others are", async () => {
    const away = await startApi({
      ...{ on: supabase, mongoUri: await preparedMongo("metrics") },
      more: { SINGLE_INSTANCE: "1", METRICS_TOKEN, SUPABASE_URL: "http://127.0.0.1:9", DATABASE_URL: "" },
    });
    try {
      const text = await scrape(away, "?format=prometheus");
      expect(text.status).toBe(200);
      const up = readMetricsText(await text.text(), "prometheus").get("switchyard_database_up")?.samples ?? [];
      expect(up.map(({ labels: { database }, value }) => [database, value])).toEqual([
        ["supabase", 0],
        ["mongodb", 1],
      ]);
      const body = (await (await scrape(away)).json()) as Body;
      expect([body.totals, body.series, body.replication]).toEqual([null, null, null]);
    } finally {
      await away.close();
    }
  });
});

test("it is for admins, and takes nothing that it does not know", async () => {
  expect((await get(one, "/api/admin/metrics", user)).status).toBe(403);
  expect((await one.app.request("/api/admin/metrics")).status).toBe(401);
  for (const query of ["?minutes=0", "?minutes=x", "?since=yesterday", "?format=xml"])
    expect((await get(one, `/api/admin/metrics${query}`, admin)).status).toBe(400);
});
