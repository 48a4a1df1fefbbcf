/** What instances share in a real Redis: the cache, limits, sign-outs; and what is left of that when they cannot reach it. */
import { createClient } from "@supabase/supabase-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Cache } from "../../shared/cache/cache.ts";
import { createCache } from "../../shared/cache/create-cache.ts";
import { createRedisShelf } from "../../shared/cache/redis-shelf.ts";
import { createLimits } from "../../shared/limits/limits.ts";
import { createLog } from "../../shared/log.ts";
import { createRedis, type Redis } from "../../shared/redis/connection.ts";
import { startApi } from "../attack/api.ts";
import { type Mode, startProxy } from "../failure/proxy.ts";
import { cacheHistory, untilUsed } from "../setup/cache-histories.ts";
import { createHub } from "../setup/cache-hub.ts";
import { partOf } from "../setup/effort.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { redisUrl } from "../setup/servers.ts";
import { newUser } from "../setup/users.ts";

const log = createLog({ level: "silent" });
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Patient: a machine that is slow is no Redis that is away. */
function connection({ url = redisUrl("redis"), commandMs = HANGS_MS } = {}): Redis {
  const redis = createRedis({ url, log, commandMs });
  stops.push(() => redis.close());
  return redis;
}
async function behindProxy(commandMs?: number) {
  const proxy = await startProxy(redisUrl("redis"));
  stops.push(() => proxy.stop());
  const redis = connection({ url: redisUrl("redis", proxy), ...(commandMs && { commandMs }) });
  return { proxy, redis };
}
const cacheOn = (redis: Redis, name: string, hub = createHub(3)): Cache =>
  createCache({ shelf: createRedisShelf(redis), kind: "redis", peers: hub(name), markerMs: 100, renewMs: 20 });
const fresh = () => ({ scope: crypto.randomUUID(), name: "dashboard" });

describe("the cache", () => {
  test("what one instance has made is another's answer, until somebody writes", async () => {
    const [a, b] = [cacheOn(connection(), "a"), cacheOn(connection(), "b")];
    const key = fresh();
    expect(await a.getOrCompute(key, async () => ({ n: 1 }), 60)).toMatchObject({ value: { n: 1 }, from: "made" });
    expect(await b.getOrCompute(key, async () => ({ n: 2 }), 60)).toMatchObject({ value: { n: 1 }, from: "cache" });
    await b.writing([key.scope], async () => true);
    expect(await a.getOrCompute(key, async () => ({ n: 3 }), 60)).toMatchObject({ value: { n: 3 }, from: "made" });
    await a.delete(key);
    expect(await b.get(key)).toBeUndefined();
    await b.set(key, "set", 60);
    expect(await a.get(key)).toBe("set");
  });

  test("one of all instances makes it; when that one fails, another does", async () => {
    const instances = ["a", "b", "c"].map((name) => cacheOn(connection(), name));
    const key = fresh();
    let made = 0;
    const compute = async () => {
      made += 1;
      // others ask meanwhile
      await expect.poll(() => asked, PATIENT).toBe(9);
      if (made === 1) throw new Error("no");
      return made;
    };
    let asked = 0;
    const all = [...instances, ...instances, ...instances].map((cache) => {
      asked += 1;
      return cache.getOrCompute(key, compute, 60).then(
        ({ value }) => value,
        () => "failed",
      );
    });
    const answers = await Promise.all(all);
    // those of the instance that failed share its failure, as far as they had come by then
    const failures = answers.filter((answer) => answer === "failed").length;
    expect([failures > 0, failures <= 3]).toEqual([true, true]);
    expect(answers.filter((answer) => answer === 2)).toHaveLength(9 - failures);
    expect(made).toBe(2);
  });

  test("the next read has what was written: 10,000 interleavings of two instances whose lines fail", async () => {
    const hub = createHub(3);
    const lines = [await behindProxy(50), await behindProxy(50)];
    const instances = lines.map(({ redis }, n) => cacheOn(redis, String(n), hub));
    const modes: readonly Mode[] = ["pass", "cut", "refuse", "hang"];
    let turn = 0;
    const disturb = async () => {
      turn += 1;
      const isDown = turn % 4 === 0;
      for (const { proxy } of lines)
        await proxy.set(isDown ? (modes[Math.floor(Math.random() * modes.length)] ?? "pass") : "pass");
      if (turn % 4 === 1) await untilUsed(instances, (look) => vi.waitUntil(look, { ...PATIENT, interval: 5 }));
    };
    const operations = partOf(10_000, 1_000);
    expect(await cacheHistory({ instances, operations, random: Math.random, disturb })).toEqual([]);
    const used = instances.map((cache) => cache.stats());
    expect(used.reduce((sum, { hits }) => sum + hits, 0)).toBeGreaterThan(operations / 20);
    expect(used.reduce((sum, { bypassed }) => sum + bypassed, 0)).toBeGreaterThan(operations / 100);
  });

  test("a Redis that does not answer is waited for once, and is used again when it is back", async () => {
    const { proxy, redis } = await behindProxy(50);
    expect(await redis.run((client) => client.ping())).toBe("PONG");
    await proxy.set("hang");
    await expect(redis.run((client) => client.ping())).rejects.toThrow("does not answer");
    const before = proxy.received();
    // refused without a turn of the loop: nothing is waited for
    const turn = new Promise((resolve) => setTimeout(resolve, 0, "a turn later"));
    const refused = redis.run((client) => client.ping()).catch(() => "refused");
    expect(await Promise.race([refused, turn])).toBe("refused");
    expect(proxy.received()).toBe(before);
    await proxy.set("pass");
    await expect.poll(() => redis.run((client) => client.ping()).catch(() => "away"), PATIENT).toBe("PONG");
  });
});

test("a process that is held up for longer than a command may take does not take Redis for dead", async () => {
  const redis = connection({ commandMs: 50 });
  await redis.first();
  await expect.poll(() => redis.run((client) => client.ping()).catch(() => "away"), PATIENT).toBe("PONG");
  const asked = redis.run((client) => client.ping());
  // the command has to be on its way
  await new Promise((resolve) => setImmediate(resolve));
  const until = performance.now() + 1_000;
  while (performance.now() < until);
  expect(await asked).toBe("PONG");
});

describe("limits", () => {
  const settings = { reads: 100, writes: null, admin: null, export: null, address: null };

  test("ten instances together allow exactly the limit", async () => {
    const who = crypto.randomUUID();
    const instances = Array.from({ length: 10 }, () => createLimits({ settings, redis: connection(), log }));
    const counts = await Promise.all(
      instances.flatMap((limits) => Array.from({ length: 25 }, () => limits.take("reads", who))),
    );
    expect(counts.filter((count) => count && !count.isOver)).toHaveLength(100);
    expect(instances.reduce((sum, limits) => sum + limits.stats().refused.reads, 0)).toBe(150);
  });

  test("without Redis each counts alone, and nobody is refused for its absence", async () => {
    const { proxy, redis } = await behindProxy(50);
    const limits = createLimits({ settings: { ...settings, reads: 2 }, redis, log });
    await proxy.set("refuse");
    const who = crypto.randomUUID();
    const taken = [await limits.take("reads", who), await limits.take("reads", who), await limits.take("reads", who)];
    expect(taken.map((count) => count?.isOver)).toEqual([false, false, true]);
    expect(limits.stats()).toMatchObject({ countedAlone: 3 });
  });
});

/** Two instances of the API on one Postgres; the second one's line to Redis can fail. */
async function twoInstances() {
  // b leaves a word of what it writes past Redis, which bars the instances of a shared database from the cache for minutes
  const supabase = await startOwnDatabase();
  stops.push(() => supabase.stop());
  const proxy = await startProxy(redisUrl("redis"));
  stops.push(() => proxy.stop());
  const mongoUri = await preparedMongo("redis");
  const start = async (url: string) => {
    const api = await startApi({ on: supabase, mongoUri, more: { REDIS_URL: url } });
    stops.push(() => api.close());
    return api;
  };
  const [a, b] = [await start(redisUrl("redis")), await start(redisUrl("redis", proxy))];
  return { a, b, proxy, supabase };
}

test("an instance that cannot reach Redis tells others through Postgres, and what it writes is in their next read", async () => {
  const { a, b, proxy } = await twoInstances();
  const key = fresh();
  let truth = "old";
  const read = (of: typeof a) => of.cache.getOrCompute(key, async () => truth, 300);
  // a first connection may take longer than an answer waits
  await expect.poll(async () => (await read(a)).from, PATIENT).toBe("cache");
  await expect.poll(async () => (await read(b)).from, PATIENT).toBe("cache");
  await proxy.set("refuse");
  await b.cache.writing([key.scope], async () => {
    truth = "new";
  });
  expect(await read(a)).toMatchObject({ value: "new", from: "past" });
  await proxy.set("pass");
  // brought back by who asks, behind the answer
  await expect.poll(async () => (await read(b)).from, PATIENT).not.toBe("past");
  await expect.poll(async () => (await read(a)).from, PATIENT).toBe("cache");
  expect((await read(a)).value).toBe("new");
});

describe("a sign-out", () => {
  async function signedInTwice() {
    const { a, b, proxy, supabase } = await twoInstances();
    const user = await newUser({ home: "mongodb", on: supabase, signIn: true });
    const client = createClient(supabase.url, supabase.publishableKey, { auth: { persistSession: false } });
    const { data } = await client.auth.signInWithPassword({
      email: user.email,
      password: "correct horse battery staple",
    });
    const other = data.session?.access_token ?? "";
    const { session_id: id } = JSON.parse(atob(other.split(".")[1] ?? "")) as { session_id: string };
    const ask = async (api: typeof a, jwt: string, path = "/contacts", method = "GET") =>
      (await api.app.request(`/api${path}`, { method, headers: { authorization: `Bearer ${jwt}` } })).status;
    return { a, b, proxy, ask, id, jwt: user.jwt, other };
  }

  test("is heard by another instance at once", async () => {
    const { a, b, ask, id, jwt, other } = await signedInTwice();
    expect([await ask(a, other), await ask(b, other)]).toEqual([200, 200]);
    expect(await ask(a, jwt, `/sessions/${id}`, "DELETE")).toBe(204);
    expect([await ask(b, other), await ask(a, other), await ask(b, jwt)]).toEqual([401, 401, 200]);
  });

  test.each(["refuse", "hang"] as const)("also by one that cannot reach Redis (%s)", async (mode) => {
    const { a, b, proxy, ask, id, jwt, other } = await signedInTwice();
    expect([await ask(a, other), await ask(b, other)]).toEqual([200, 200]);
    await proxy.set(mode);
    expect(await ask(a, jwt, `/sessions/${id}`, "DELETE")).toBe(204);
    expect([await ask(b, other), await ask(b, jwt)]).toEqual([401, 200]);
  });

  test("and by others when it is made where Redis cannot be reached", async () => {
    const { a, b, proxy, ask, id, jwt, other } = await signedInTwice();
    expect([await ask(a, other), await ask(b, other)]).toEqual([200, 200]);
    await proxy.set("refuse");
    expect(await ask(b, jwt, `/sessions/${id}`, "DELETE")).toBe(204);
    expect([await ask(a, other), await ask(a, jwt)]).toEqual([401, 200]);
  });
});
