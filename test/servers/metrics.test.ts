/** Measures on real Postgres: many who bring theirs at once, what is brought twice, and what becomes of old minutes. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { loadFunctionConfig } from "../../shared/config.ts";
import { createMetrics } from "../../shared/metrics/metrics.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";

let supabase: TestSupabase;
let service: ReturnType<typeof serviceClient>;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  const config = loadFunctionConfig({ SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey });
  service = serviceClient(config, { timeoutMs: 20_000 });
});
afterAll(() => supabase?.stop());
beforeEach(() => supabase.sql("delete from switchyard.metrics"));

const instance = (clock: () => number = Date.now) =>
  createMetrics({ ask: (name, parameters) => callSystem(service, name, parameters), clock, callMs: 20_000 });
const rows = (span: string) =>
  supabase.sql<{ labels: { route: string }; count: number; seconds: number; buckets: number[] }>(
    `select labels, count::int, seconds, buckets::int[], at from switchyard.metrics where span = $1 order by at, labels`,
    [span],
  );

test("many instances bring the same series at once, and nothing is lost or counted twice", async () => {
  const all = Array.from({ length: 12 }, () => instance());
  for (let turn = 0; turn < 5; turn++) {
    // each in another order
    for (const [at, metrics] of all.entries())
      for (const route of turn % 2 === at % 2 ? ["/a", "/b", "/c"] : ["/c", "/b", "/a"])
        metrics.observe("request", { route }, 20);
    expect(await Promise.all(all.map((metrics) => metrics.flush()))).toEqual(all.map(() => true));
  }
  const ever = await rows("ever");
  expect(ever.map(({ labels: { route }, count }) => [route, count])).toEqual([
    ["/a", 60],
    ["/b", 60],
    ["/c", 60],
  ]);
  expect(ever[0]?.buckets).toEqual([0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(ever[0]?.seconds).toBeCloseTo(1.2);
  const minutes = await rows("minute");
  expect(minutes.reduce((sum, { count }) => sum + count, 0)).toBe(180);
});

test("one flush counts once, however often and at however many places it arrives", async () => {
  const p_series = [
    { at: new Date().toISOString(), metric: "request", labels: { route: "/x" }, count: 2, seconds: 1, buckets: [] },
  ];
  const p_id = crypto.randomUUID();
  const flush = () => callSystem(service, "switchyard_flush_metrics", { p_id, p_series });
  const answers = await Promise.all(Array.from({ length: 8 }, flush));
  expect(answers.every((answer) => answer.isOk())).toBe(true);
  expect((await rows("ever")).map(({ count }) => count)).toEqual([2]);
});

test("what is too old for the ids that are kept is not taken, and no clock writes into the future", async () => {
  const now = Date.now();
  const old = instance(() => now - 13 * 3_600_000);
  old.observe("request", { route: "/old" }, 1);
  expect(await old.flush()).toBe(true);
  expect(await rows("ever")).toEqual([]);
  const ahead = instance(() => now + 3_600_000);
  ahead.observe("request", { route: "/ahead" }, 1);
  await ahead.flush();
  const [row] = await supabase.sql<{ late: boolean }>(
    "select at > now() as late from switchyard.metrics where span = 'minute'",
  );
  expect(row?.late).toBe(false);
});

test("minutes become hours, hours go after thirty days, and the sums of ever stay", async () => {
  const metrics = instance();
  for (const route of ["/a", "/b"]) for (const ms of [20, 20, 20_000]) metrics.observe("request", { route }, ms);
  await metrics.flush();
  await supabase.sql(`
    insert into switchyard.metrics
    select 'minute', date_trunc('hour', now(), 'UTC') - interval '8 hours' + make_interval(mins => n), metric, labels, count,
      seconds, buckets
    from switchyard.metrics cross join generate_series(0, 29) n where span = 'minute'`);
  const before = await rows("ever");
  const trim = async () => (await callSystem<number>(service, "switchyard_trim_metrics"))._unsafeUnwrap();
  expect(await trim()).toBeGreaterThan(0);
  const hours = await rows("hour");
  expect(hours.map(({ labels: { route }, count, buckets }) => [route, count, buckets])).toEqual([
    ["/a", 90, [0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 30]],
    ["/b", 90, [0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 30]],
  ]);
  expect((await rows("minute")).length).toBe(2);
  await trim();
  expect(await rows("hour")).toEqual(hours);
  await supabase.sql("update switchyard.metrics set at = at - interval '30 days' where span = 'hour'");
  await trim();
  expect(await rows("hour")).toEqual([]);
  expect(await rows("ever")).toEqual(before);
});

test("series are bounded: a new one is refused, and those that are there go on", async () => {
  await supabase.sql(`
    insert into switchyard.metrics
    select 'ever', 'epoch', 'request', jsonb_build_object('route', '/' || n), 1, 0, '{}' from generate_series(1, 5000) n`);
  const metrics = instance();
  metrics.observe("request", { route: "/new" }, 1);
  metrics.observe("request", { route: "/7" }, 1);
  await metrics.flush();
  expect(metrics.state()).toMatchObject({ unflushed: 0, dropped: 1 });
  const [row] = await supabase.sql<{ count: number }>(
    `select count::int from switchyard.metrics where span = 'ever' and labels = '{"route": "/7"}'`,
  );
  expect(row?.count).toBe(2);
});
