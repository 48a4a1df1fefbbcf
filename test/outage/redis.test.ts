/** A Redis that is killed, paused and started again, under caches and under instances of the API. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { createCache } from "../../shared/cache/create-cache.ts";
import { createRedisShelf } from "../../shared/cache/redis-shelf.ts";
import { createLog } from "../../shared/log.ts";
import { createRedis } from "../../shared/redis/connection.ts";
import { cacheHistory, untilUsed } from "../setup/cache-histories.ts";
import { createHub } from "../setup/cache-hub.ts";
import { partOf } from "../setup/effort.ts";
import { PATIENT } from "../setup/patience.ts";
import type { TestUser } from "../setup/users.ts";
import { ask, isDone } from "./requests.ts";
import { control, servers } from "./servers.ts";
import { HOMES, type OutageSystem, startOutageSystem } from "./system.ts";

const log = createLog({ level: "silent" });

let system: OutageSystem;
beforeAll(async () => {
  system = await startOutageSystem();
});
afterAll(() => system?.stop());
afterEach(async () => {
  await control("resume", "redis").catch(() => undefined);
  await control("start", "redis");
});

test("10,000 interleavings of two instances: what was written is in the next read, whenever Redis is killed or paused", async () => {
  const hub = createHub(3);
  const connections = [0, 1].map(() => createRedis({ url: servers().redisUrl, log }));
  const instances = connections.map((redis, n) =>
    createCache({ shelf: createRedisShelf(redis), kind: "redis", peers: hub(String(n)), markerMs: 100, renewMs: 20 }),
  );
  const steps = [["kill"], ["start"], ["kill", "start"], ["pause"], ["resume"]] as const;
  let turn = 0;
  const disturb = async () => {
    turn += 1;
    const step = turn % 4 === 0 ? steps[(turn / 4) % steps.length] : undefined;
    for (const action of step ?? []) await control(action, "redis");
    const isUp = step === undefined || ["start", "resume"].includes(step.at(-1) ?? "");
    // most of the time it is there, or nothing would be cached
    if (step && isUp) await untilUsed(instances, (look) => vi.waitUntil(look, { ...PATIENT, interval: 5 }));
  };
  const operations = partOf(10_000, 1_000);
  expect(await cacheHistory({ instances, operations, random: Math.random, disturb })).toEqual([]);
  const used = instances.map((cache) => cache.stats());
  expect(used.reduce((sum, { hits }) => sum + hits, 0)).toBeGreaterThan(0);
  expect(used.reduce((sum, { bypassed }) => sum + bypassed, 0)).toBeGreaterThan(0);
  for (const redis of connections) await redis.close();
});

test.each(["kill", "pause"] as const)("%s: requests go on, and health says what is missing", async (action) => {
  const instance = await system.instance({ REDIS_URL: servers().redisUrl, RATE_LIMITS: "" });
  const users: TestUser[] = [];
  for (const home of HOMES) users.push(await system.user(home));
  const all = () => Promise.all(users.map((user) => ask(instance.url, user, "/api/expenses?limit=5")));
  const health = async () =>
    ((await (await fetch(`${instance.url}/api/health`)).json()) as { redis?: { connected: boolean } }).redis?.connected;
  await expect.poll(health, PATIENT).toBe(true);
  expect((await all()).map(isDone)).toEqual([true, true]);
  await control(action, "redis");
  for (let round = 0; round < 5; round++) expect((await all()).map(isDone)).toEqual([true, true]);
  expect(await health()).toBe(false);
  await control(action === "kill" ? "start" : "resume", "redis");
  await expect.poll(health, PATIENT).toBe(true);
  expect((await all()).map(isDone)).toEqual([true, true]);
});
