/** Health in both shapes, and what admins see of an instance. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let supabase: TestSupabase;
let api: ApiInstance;
/** whose Redis is at a port where nobody listens */
let without: ApiInstance;
let admin: TestUser;
let user: TestUser;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  const options = { on: supabase, mongoUri: await preparedMongo("infrastructure") };
  api = await startApi({ ...options, more: { SINGLE_INSTANCE: "1", RATE_LIMITS: "writes=1" } });
  without = await startApi({ ...options, more: { REDIS_URL: "redis://127.0.0.1:9", LOG_TO_MONGODB: "1" } });
  admin = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "admin" } });
  user = await newUser({ home: "mongodb", on: supabase });
});
afterAll(async () => {
  await api?.close();
  await without?.close();
  await supabase?.stop();
});

async function get(of: ApiInstance, path: string, { jwt = "", method = "GET" } = {}) {
  const answer = await of.app.request(path, { method, headers: { authorization: `Bearer ${jwt}` } });
  return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
}

test("health says nothing of a Redis that is not configured", async () => {
  const { status, body } = await get(api, "/api/health");
  expect(status).toBe(200);
  expect(body).not.toHaveProperty("redis");
  expect(await get(api, "/health")).toEqual({
    status: 200,
    body: {
      status: "OK",
      databases: { postgresql: { status: "connected" }, mongodb: { status: "connected" } },
      timestamp: expect.any(String),
    },
  });
});

test("a Redis that is away degrades, and refuses nothing", async () => {
  const { status, body } = await get(without, "/api/health");
  expect([status, body]).toEqual([
    200,
    expect.objectContaining({
      status: "degraded",
      message: expect.stringMatching(/^Redis does not answer/),
      redis: { connected: false, latencyMs: null, error: expect.stringMatching(/^Redis does not answer/) },
    }),
  ]);
  expect((await get(without, "/health")).body).toMatchObject({
    status: "DEGRADED",
    databases: { redis: { status: "disconnected" } },
  });
  expect((await get(without, "/api/contacts", user)).status).toBe(200);
  expect((await get(without, "/api/sessions", { ...user, method: "DELETE" })).status).toBe(204);
});

test("an instance says its pools, breakers, cache and limits, to admins", async () => {
  expect((await get(api, "/api/contacts", user)).status).toBe(200);
  expect((await get(api, "/api/sessions", { ...user, method: "DELETE" })).status).toBe(204);
  expect((await get(api, "/api/sessions", { ...user, method: "DELETE" })).status).toBe(429);
  expect((await get(api, "/api/admin/infrastructure", user)).status).toBe(403);
  await api.settled();
  const { status, body } = await get(api, "/api/admin/infrastructure", admin);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    cache: { kind: "memory", hits: 0, hit_rate: null },
    limits: { kind: "memory", refused: { writes: 1, reads: 0 }, counted_alone: 0 },
    logs: null,
    // the sign-out; what was refused is no change
    activity: { queued: 0, written: 1, dropped: 0 },
  });
  const { databases } = body as { databases: { name: string }[] };
  expect(databases.map(({ name }) => name)).toEqual(["supabase", "mongodb"]);
  expect(databases[1]).toMatchObject({ breaker: "closed", pool: { open: expect.any(Number), busy: 0, waiting: 0 } });
  expect((databases[1] as unknown as { pool: { open: number } }).pool.open).toBeGreaterThan(0);
  expect((await get(without, "/api/admin/infrastructure", admin)).body).toMatchObject({
    redis: { connected: false, breaker: "open" },
    cache: { kind: "redis" },
  });
});

test("and how many warnings and errors it has kept, or could not", async () => {
  // of the Redis that is away
  await get(without, "/api/contacts", user);
  await without.settled();
  const { body } = await get(without, "/api/admin/infrastructure", admin);
  const { logs } = body as { logs: { written: number } };
  expect(logs).toEqual({ queued: 0, written: expect.any(Number), dropped: 0 });
  expect(logs.written).toBeGreaterThan(0);
});
