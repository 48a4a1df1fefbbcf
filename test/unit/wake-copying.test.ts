import { err, ok } from "neverthrow";
import { beforeEach, describe, expect, test } from "vitest";
import { notFound } from "../../shared/contract/errors.ts";
import { createWakeUp, wakingStore } from "../../shared/placement/wake-copying.ts";
import type { Store } from "../../shared/repository/store.ts";

let now: number;
let calls: number;
let logged: string[];
/** what is waited for, with what ends the wait */
let waits: { ms: number; over: () => void }[];
let work: Promise<unknown>[];
let fails: boolean;

const start = () =>
  createWakeUp({
    call: async () => {
      calls++;
      if (fails) throw new Error("no such function");
    },
    clock: () => now,
    waitUntil: (each) => work.push(each),
    log: { debug: (event) => logged.push(event) },
    wait: (ms) => new Promise((over) => waits.push({ ms, over })),
  });
const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  [now, calls, logged, waits, work, fails] = [5_000, 0, [], [], [], false];
});

test("the first write wakes at once, those of the next second together at its end", async () => {
  const wake = start();
  wake();
  await settled();
  expect([calls, waits]).toEqual([1, []]);
  now += 400;
  for (let n = 0; n < 100; n++) wake();
  await settled();
  expect([calls, waits.map(({ ms }) => ms), work.length]).toEqual([1, [600], 2]);
  now += 600;
  waits[0]?.over();
  await Promise.all(work);
  expect(calls).toBe(2);
  now += 2_000;
  wake();
  await settled();
  expect([calls, waits.length]).toEqual([3, 1]);
});

test("what is written once a call has begun has another one, which is for all of it", async () => {
  const wake = start();
  wake();
  wake();
  wake();
  await settled();
  expect([calls, waits.length]).toEqual([1, 1]);
});

test("a clock that is set back makes nobody wait longer than a second", async () => {
  const wake = start();
  wake();
  await settled();
  now -= 3_600_000;
  wake();
  await settled();
  expect(waits.map(({ ms }) => ms)).toEqual([1_000]);
});

test("what fails is said at debug only, and tried twice more, however many writes there are", async () => {
  fails = true;
  const wake = start();
  wake();
  await settled();
  expect([logged, calls]).toEqual([["copying_not_woken"], 1]);
  now += 1_000;
  wake();
  await settled();
  expect([calls, waits.map(({ ms }) => ms)]).toEqual([2, [2_000]]);
  waits[0]?.over();
  await settled();
  expect([calls, waits.map(({ ms }) => ms)]).toEqual([3, [2_000, 8_000]]);
  fails = false;
  waits[1]?.over();
  await Promise.all(work);
  expect([calls, waits.length]).toEqual([4, 2]);
});

describe("a store that wakes", () => {
  const stored = async () => ok({ id: "x" });
  const refused = async () => err(notFound());
  const wakesOf = async (write: () => Promise<unknown>, ask: (store: Store) => Promise<unknown>) => {
    let woken = 0;
    const all = {
      create: write,
      update: write,
      delete: write,
      get: stored,
      list: stored,
      count: stored,
      group: stored,
    };
    await ask(wakingStore(all as unknown as Store, () => woken++));
    return woken;
  };
  const collection = undefined as never;

  test.each<[string, (store: Store) => Promise<unknown>]>([
    ["create", (store) => store.create(collection, "x", {})],
    ["update", (store) => store.update(collection, "x", {})],
    ["delete", (store) => store.delete(collection, "x")],
  ])("%s: when it was done", async (_, ask) => {
    expect(await wakesOf(stored, ask)).toBe(1);
    expect(await wakesOf(refused, ask)).toBe(0);
  });

  test("no read does", async () => {
    expect(await wakesOf(stored, (store) => store.get(collection, "x"))).toBe(0);
    expect(await wakesOf(stored, (store) => store.count(collection, { filters: [] }))).toBe(0);
  });
});
