/** Which backups stay: by days, weeks and months, and never less than what restoring needs. */
import { expect, test } from "vitest";
import type { Manifest } from "../../shared/backups/manifest.ts";
import { type Kept, stays } from "../../shared/backups/retention.ts";

const backup = (began: string, more: Partial<Manifest> = {}, isVerified = true): Kept => ({
  manifest: {
    ...({ id: began, began_at: `${began}T03:00:00.000Z`, kind: "full", parent: null, only: null } as unknown as Manifest),
    ...more,
  },
  isVerified,
});
const day = (n: number) => new Date(Date.UTC(2026, 10, 29) - n * 86_400_000).toISOString().slice(0, 10);
const DEFAULT = { daily: 7, weekly: 4, monthly: 12 };
const NONE = { daily: 0, weekly: 0, monthly: 0 };

test("seven days, four weeks and twelve months of two years of nightly backups", () => {
  const all = Array.from({ length: 730 }, (_, n) => backup(day(n)));
  const kept = [...stays(all, DEFAULT).keys()].sort().reverse();
  // 2026-11-29 is a Sunday: the newest of each week are Sundays
  const days = Array.from({ length: 7 }, (_, n) => day(n));
  const weeks = [day(0), day(7), day(14), day(21)];
  const months = ["2026-11-29", "2026-10-31", "2026-09-30", "2026-08-31", "2026-07-31", "2026-06-30", "2026-05-31"];
  const before = ["2026-04-30", "2026-03-31", "2026-02-28", "2026-01-31", "2025-12-31"];
  expect(kept).toEqual([...new Set([...days, ...weeks, ...months, ...before])].sort().reverse());
});

test("of one day the newest; days without one do not count", () => {
  const early = backup("2026-11-01", { id: "early", began_at: "2026-11-01T01:00:00.000Z" }, false);
  const late = backup("2026-11-01", { id: "late", began_at: "2026-11-01T23:00:00.000Z" });
  expect([...stays([early, late, backup("2026-10-01")], { ...NONE, daily: 2 }).keys()].sort()).toEqual(["2026-10-01", "late"]);
});

test("the last full one that was verified stays, however many came after it", () => {
  const all = [backup(day(0), {}, false), backup(day(1), {}, false), backup(day(40)), backup(day(50))];
  expect([...stays(all, { ...NONE, daily: 1 }).keys()].sort()).toEqual([day(40), day(0)].sort());
  expect([...stays(all, NONE).keys()]).toEqual([day(40)]);
  // an incremental one is not enough, nor is one of a single user
  const others = [backup(day(0), { kind: "incremental", parent: day(40) }), backup(day(1), { only: { collections: null, user: "u" } })];
  expect([...stays([...others, ...all], NONE).keys()].sort()).toEqual([day(40), day(1)].sort());
  // where none was verified, the newest
  expect([...stays(all.slice(0, 2), NONE).keys()]).toEqual([day(0)]);
});

test("what a kept one goes on from stays, to the full one", () => {
  const chain = [
    backup(day(5)),
    backup(day(4), { kind: "incremental", parent: day(5) }),
    backup(day(3), { kind: "incremental", parent: day(4) }),
    backup(day(2), { kind: "incremental", parent: day(4) }),
    backup(day(1)),
  ];
  const kept = stays(chain, { ...NONE, daily: 2 });
  expect([...kept.keys()].sort()).toEqual([day(5), day(4), day(2), day(1)].sort());
  expect(kept.get(day(5))).toContain("goes on from it");
});
