/** What a database has refused writes with: reported now and then, shown for a while, and forgotten. */
import { err, ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import { busy, storageFull, throttled } from "../../shared/contract/errors.ts";
import { createLog } from "../../shared/log.ts";
import type { DatabaseRow } from "../../shared/placement/assignment.ts";
import { createHealth } from "../../shared/placement/health.ts";
import { createWriteRefusals } from "../../shared/placement/write-refusals.ts";

function refusals() {
  let now = 1_000_000;
  const report = vi.fn(async () => ok(undefined));
  const log = createLog({ level: "silent" });
  const made = createWriteRefusals({ report, clock: () => now, log, waitUntil: () => {} });
  const later = (ms: number) => {
    now += ms;
  };
  return { ...made, report, later };
}

test("a full or throttled database is remembered for five minutes, and reported once a minute", () => {
  const { notice, of, report, later } = refusals();
  notice("mongodb", ok("done"));
  notice("mongodb", err(busy("others are there")));
  expect(of("mongodb")).toBeUndefined();
  notice("mongodb", err(storageFull()));
  notice("mongodb", err(storageFull()));
  notice("supabase", err(throttled()));
  expect(report.mock.calls).toEqual([
    ["mongodb", "storage_full"],
    ["supabase", "throttled"],
  ]);
  later(60_001);
  notice("mongodb", err(storageFull()));
  expect(report).toHaveBeenCalledTimes(3);
  later(4 * 60_000);
  expect([of("mongodb")?.code, of("supabase")?.code]).toEqual(["storage_full", undefined]);
  later(60_001);
  expect(of("mongodb")).toBeUndefined();
});

const databases = [
  { name: "supabase", title: "Supabase", kind: "postgres" as const, system: { probe: async () => ok(null) } },
  { name: "mongodb", title: "MongoDB", kind: "mongodb" as const, system: { probe: async () => ok(null) } },
];

test("health shows what this instance was told, and what others have reported, beside a ping that is fine", async () => {
  const { notice, of } = refusals();
  notice("mongodb", err(storageFull()));
  const own = await createHealth({ databases, refusal: of, clock: Date.now })();
  expect(own).toMatchObject({
    status: "degraded",
    databases: { mongodb: { connected: true, state: "storage_full", error: expect.stringContaining("is full") } },
    homes: [{ error: null }, { state: "storage_full" }],
  });
  const rows = async () =>
    ok([{ name: "mongodb", kind: "mongodb", accepting: true, opened_at: null, refuses: "throttled" } as DatabaseRow]);
  const others = await createHealth({ databases, rows, clock: Date.now })();
  expect(others.homes).toMatchObject([{ error: null }, { state: "throttled", connected: true }]);
});
