/** The cache's rules, over a shelf that can be reached, or not, or that has forgotten. */
import { describe, expect, test } from "vitest";
import { type Cache, cacheOf, createNoCache, EVERYBODY } from "../../shared/cache/cache.ts";
import { createCache } from "../../shared/cache/create-cache.ts";
import { createMemoryShelf } from "../../shared/cache/memory-shelf.ts";
import type { Shelf } from "../../shared/cache/shelf.ts";
import { cacheHistory } from "../setup/cache-histories.ts";
import { createHub } from "../setup/cache-hub.ts";
import { PATIENT } from "../setup/patience.ts";

const KEY = { scope: "ann", name: "dashboard" };

/** A computation that ends when it is told. */
function slow<T>(value: T) {
  const { promise, resolve } = Promise.withResolvers<T>();
  let count = 0;
  return {
    compute: () => {
      count += 1;
      return promise;
    },
    end: () => resolve(value),
    count: () => count,
  };
}

function alone(clock?: () => number): Cache {
  return createCache({ shelf: createMemoryShelf(clock), kind: "memory", ...(clock && { clock }) });
}

describe("in memory", () => {
  test("an answer is made once, and says of when it is", async () => {
    let time = 1_000;
    const cache = cacheOf(
      alone(() => time),
      "ann",
    );
    expect(await cache("a", async () => 1, 300)).toEqual({ value: 1, asOf: new Date(1_000), from: "made" });
    time = 5_000;
    expect(await cache("a", async () => 2, 300)).toEqual({ value: 1, asOf: new Date(1_000), from: "cache" });
    expect(await cache("b", async () => 3, 300)).toMatchObject({ value: 3, from: "made" });
    time = 301_001;
    expect(await cache("a", async () => 4, 300)).toMatchObject({ value: 4, from: "made" });
  });

  test("all who ask at once wait for one making, and share its failure", async () => {
    const cache = alone();
    const making = slow(7);
    const asked = Array.from({ length: 20 }, () => cache.getOrCompute(KEY, making.compute, 60));
    await Promise.resolve();
    making.end();
    expect((await Promise.all(asked)).map(({ value }) => value)).toEqual(Array(20).fill(7));
    expect(making.count()).toBe(1);
    const fails = () => Promise.reject(new Error("no"));
    const other = { scope: "ann", name: "other" };
    await expect(cache.getOrCompute(other, fails, 60)).rejects.toThrow("no");
    expect((await cache.getOrCompute(other, async () => 1, 60)).value).toBe(1);
  });

  test("while somebody writes, readers go past it, and what was read before the write fills nothing", async () => {
    const cache = alone();
    const old = slow("old");
    const reader = cache.getOrCompute(KEY, old.compute, 60);
    await Promise.resolve();
    const write = slow(true);
    const writer = cache.writing(["ann"], write.compute);
    await Promise.resolve();
    expect(await cache.getOrCompute(KEY, async () => "between", 60)).toMatchObject({ from: "past" });
    old.end();
    await reader;
    write.end();
    await writer;
    expect(await cache.getOrCompute(KEY, async () => "new", 60)).toMatchObject({ value: "new", from: "made" });
    expect(await cache.getOrCompute({ scope: "bob", name: "dashboard" }, async () => "bob's", 60)).toMatchObject({
      from: "made",
    });
  });

  test("a write that may still happen keeps readers past it, until it cannot any more", async () => {
    let time = 0;
    const cache = alone(() => time);
    await expect(cache.writing(["ann"], () => Promise.reject(new Error("timed out")))).rejects.toThrow("timed out");
    expect(await cache.getOrCompute(KEY, async () => 1, 60)).toMatchObject({ from: "past" });
    await cache.writing(
      ["bob"],
      async () => 503,
      (status) => status < 500,
    );
    const bobs = { scope: "bob", name: "x" };
    expect(await cache.getOrCompute(bobs, async () => 1, 60)).toMatchObject({ from: "past" });
    time = 30_001;
    expect(await cache.getOrCompute(KEY, async () => 1, 60)).toMatchObject({ from: "made" });
  });

  test("everybody's generation ends all entries", async () => {
    const cache = alone();
    await cache.getOrCompute(KEY, async () => 1, 60);
    await cache.writing(["*"], async () => true);
    expect(await cache.getOrCompute(KEY, async () => 2, 60)).toMatchObject({ value: 2, from: "made" });
  });

  test("get, set and delete", async () => {
    const cache = alone();
    expect(await cache.get(KEY)).toBeUndefined();
    await cache.set(KEY, { a: [1] }, 60);
    expect(await cache.get(KEY)).toEqual({ a: [1] });
    await cache.delete(KEY);
    expect(await cache.get(KEY)).toBeUndefined();
    await expect(cache.set(KEY, 1, 601)).rejects.toThrow(RangeError);
    expect(cache.stats()).toMatchObject({ kind: "memory", hits: 0 });
  });

  test("10,000 interleavings", async () => {
    expect(await cacheHistory({ instances: [alone()], operations: 10_000, random: Math.random })).toEqual([]);
  });
});

test("without a cache everything is made anew", async () => {
  const cache = createNoCache();
  await cache.set(KEY, 1, 60);
  expect(await cache.getOrCompute(KEY, async () => 2, 60)).toMatchObject({ value: 2, from: "past" });
  expect(await cache.writing(["ann"], async () => 3)).toBe(3);
});

const SETTLE_MS = 3;

/** One server, and for each instance a line to it that can be cut before the question or before the answer. */
function createServer() {
  let shelf = createMemoryShelf();
  const line = () => {
    let state: "up" | "cut" | "deaf" = "up";
    const over = new Proxy({} as Shelf, {
      get:
        (_, step: keyof Shelf) =>
        async (...given: never[]) => {
          if (state === "cut") throw new Error("away");
          const answer = await (shelf[step] as (...all: never[]) => Promise<unknown>)(...given);
          if (state === "deaf") throw new Error("no answer");
          return answer;
        },
    });
    return {
      shelf: over,
      set: (to: typeof state) => {
        state = to;
      },
    };
  };
  return {
    line,
    /** started again, with nothing in it */
    restart: () => {
      shelf = createMemoryShelf();
    },
  };
}

describe("over two instances", () => {
  test("the next read has what was written by an instance that cannot reach the shelf", async () => {
    const [server, hub] = [createServer(), createHub(SETTLE_MS)];
    const lines = [server.line(), server.line()];
    const [a, b] = lines.map(({ shelf }, n) => createCache({ shelf, kind: "redis", peers: hub(String(n)) })) as [
      Cache,
      Cache,
    ];
    let truth = "old";
    const read = (cache: Cache) => cache.getOrCompute(KEY, async () => truth, 300);
    expect((await read(b)).value).toBe("old");
    expect(await read(b)).toMatchObject({ from: "cache" });
    lines[0]?.set("cut");
    await a.writing(["ann"], async () => {
      truth = "new";
    });
    expect(await read(b)).toMatchObject({ value: "new", from: "past" });
    lines[0]?.set("up");
    // the first to ask brings it back, behind its answer
    await expect.poll(async () => (await read(a)).from).toBe("made");
    await expect.poll(async () => (await read(b)).from).toBe("cache");
    expect((await read(b)).value).toBe("new");
  });

  test.each(["begin", "end"] as const)(
    "a lost answer to the %s of a write bars nobody once the writer is back",
    async (step) => {
      // its time stands still: no marker ends by itself
      const [inner, hub] = [createMemoryShelf(() => 0), createHub(SETTLE_MS)];
      let lost = 0;
      /** done, and not said: of the write, and of the first try to get back */
      const losing: Shelf = {
        ...inner,
        [step]: async (...given: [string[], string, number]) => {
          await inner[step](...given);
          if (lost++ < 2) throw new Error("lost");
        },
      };
      const writer = createCache({ shelf: losing, kind: "redis", peers: hub("a"), renewMs: 1 });
      const reader = createCache({ shelf: inner, kind: "redis", peers: hub("b") });
      await writer.writing([EVERYBODY], async () => true);
      const read = async () => (await reader.getOrCompute(KEY, async () => 1, 300)).from;
      await expect.poll(read, PATIENT).toBe("cache");
      expect(lost).toBeGreaterThan(2);
    },
  );

  test("30,000 interleavings, with lines cut and servers started again in the middle of writes", async () => {
    const [server, hub] = [createServer(), createHub(SETTLE_MS)];
    const lines = [server.line(), server.line()];
    const instances = lines.map(({ shelf }, n) =>
      createCache({ shelf, kind: "redis", peers: hub(String(n)), markerMs: 10, renewMs: 5 }),
    );
    const states = ["up", "up", "cut", "deaf"] as const;
    const disturb = () => {
      if (Math.random() < 0.5) server.restart();
      for (const line of lines) line.set(states[Math.floor(Math.random() * states.length)] ?? "up");
    };
    expect(await cacheHistory({ instances, operations: 30_000, random: Math.random, disturb })).toEqual([]);
    const hits = instances.reduce((sum, cache) => sum + cache.stats().hits, 0);
    expect(hits).toBeGreaterThan(20);
  });
});
