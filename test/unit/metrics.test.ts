/** What an instance counts, and how it brings it: once, whatever becomes of the answer. */
import { err, ok, type Result } from "neverthrow";
import { expect, test } from "vitest";
import { type RepositoryError, unavailable } from "../../shared/contract/errors.ts";
import { addBuckets, BOUNDS, columnOf, noBuckets, quantile } from "../../shared/metrics/buckets.ts";
import { type Ask, createMetrics } from "../../shared/metrics/metrics.ts";
import type { Sum } from "../../shared/metrics/tally.ts";

const START = Date.parse("2026-12-04T10:00:30Z");

function brought(answer: () => Result<number, RepositoryError> = () => ok(0), more = {}) {
  const calls: { id: string; sums: Sum[] }[] = [];
  let now = START;
  const ask = (async (name: string, parameters: { p_id: string; p_series: Sum[] }) => {
    if (name !== "switchyard_flush_metrics") return ok(0);
    calls.push({ id: parameters.p_id, sums: structuredClone(parameters.p_series) });
    return answer();
  }) as unknown as Ask;
  const work: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => void work.push(promise);
  const metrics = createMetrics({ ask, clock: () => now, callMs: 1_000, waitUntil, ...more });
  return { metrics, calls, work, later: (ms: number) => (now += ms) };
}

test("sums stand by minute and labels, in buckets, and are brought once", async () => {
  const { metrics, calls, later } = brought();
  const labels = { route: "/api/x" };
  for (const ms of [3, 5, 7, 60_000]) metrics.observe("request", labels, ms);
  later(60_000);
  metrics.observe("request", labels, 20);
  expect(metrics.state()).toEqual({ unflushed: 2, dropped: 0, flushed_at: null });
  expect(await metrics.flush()).toBe(true);
  expect(calls.map(({ sums }) => sums)).toEqual([
    [
      {
        ...{ at: "2026-12-04T10:00:00.000Z", metric: "request", labels, count: 4, seconds: 60.015 },
        buckets: [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      },
      {
        ...{ at: "2026-12-04T10:01:00.000Z", metric: "request", labels, count: 1, seconds: 0.02 },
        buckets: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      },
    ],
  ]);
  expect(await metrics.flush()).toBe(true);
  expect(calls).toHaveLength(1);
  expect(metrics.state()).toEqual({ unflushed: 0, dropped: 0, flushed_at: "2026-12-04T10:01:30.000Z" });
});

test("what is not known to have come is brought again by its id, before what came after", async () => {
  let isAway = true;
  const { metrics, calls } = brought(() => (isAway ? err(unavailable("away")) : ok(0)));
  metrics.observe("request", { route: "/a" }, 1);
  expect(await metrics.flush()).toBe(false);
  metrics.observe("request", { route: "/b" }, 1);
  isAway = false;
  expect(await metrics.flush()).toBe(true);
  const [first, again, second] = calls;
  expect(again).toEqual(first);
  expect(second?.id).not.toBe(first?.id);
  expect(second?.sums.map(({ labels }) => labels)).toEqual([{ route: "/b" }]);
  expect(metrics.state().unflushed).toBe(0);
});

test("while Postgres is away what waits is bounded, and what is lost is counted", async () => {
  const { metrics, calls, later } = brought(() => err(unavailable("away")));
  for (let turn = 0; turn < 40; turn++) {
    metrics.observe("request", { route: `/${turn}` }, 1);
    expect(await metrics.flush()).toBe(false);
    later(60_000);
  }
  expect(metrics.state()).toMatchObject({ unflushed: 30, dropped: 10 });
  expect(calls.at(-1)?.sums[0]?.labels).toEqual({ route: "/10" });
  for (let series = 0; series < 3_000; series++) metrics.observe("request", { route: `/many/${series}` }, 1);
  expect(metrics.state()).toMatchObject({ unflushed: 2_030, dropped: 1_010 });
  later(12 * 3_600_000);
  await metrics.flush();
  expect(metrics.state()).toMatchObject({ unflushed: 2_000, dropped: 1_040 });
});

test("behind an answer it is brought at once the first time, and then once a minute", async () => {
  const { metrics, calls, work, later } = brought();
  const answer = async () => {
    metrics.observe("request", { route: "/a" }, 1);
    metrics.tick();
    await Promise.all(work);
  };
  await answer();
  expect(calls).toHaveLength(1);
  later(59_000);
  await answer();
  expect(calls).toHaveLength(1);
  later(1_000);
  await answer();
  expect(calls).toHaveLength(2);
  expect(calls[1]?.sums.map(({ count }) => count)).toEqual([2]);
});

test("counters that others keep are brought as what has come since", async () => {
  let hits = 5;
  const { metrics, calls } = brought(undefined, { counters: () => [["cache", { result: "hit" }, hits]] });
  await metrics.flush();
  await metrics.flush();
  hits = 7;
  await metrics.flush();
  expect(calls.map(({ sums }) => sums.map(({ count, buckets }) => [count, buckets]))).toEqual([[[5, []]], [[2, []]]]);
});

test("quantiles lie between the bounds of their bucket", () => {
  const buckets = noBuckets();
  expect(quantile(0.5, buckets)).toBeNull();
  buckets[columnOf(0.2)] = 10;
  expect(quantile(0.5, buckets)).toBeCloseTo(0.175);
  expect(quantile(1, buckets)).toBeCloseTo(0.25);
  addBuckets(buckets, [...new Array(BOUNDS.length).fill(0), 90]);
  expect(quantile(0.99, buckets)).toBe(10);
  expect([columnOf(0), columnOf(0.005), columnOf(0.0051), columnOf(11)]).toEqual([0, 0, 1, BOUNDS.length]);
});
