/** Who copies stays while there is something to copy, one of all, and not for ever. */
import { err, ok, type Result } from "neverthrow";
import { expect, test } from "vitest";
import { whileBusy } from "../../shared/operations/while-busy.ts";

/** Runs that copy so many each, and nothing from then on; every wait takes its time. */
async function copying(counts: readonly number[], over: { isAlone?: boolean; fails?: number } = {}) {
  let now = 0;
  let runs = 0;
  const asked: number[] = [];
  const total = await whileBusy<{ copied: number }, string>({
    run: async (): Promise<Result<{ copied: number }, string>> =>
      ++runs === over.fails ? err("away") : ok({ copied: counts[runs - 1] ?? 0 }),
    isBusy: ({ copied }) => copied > 0,
    add: (one, other) => ({ copied: one.copied + other.copied }),
    attend: async (ms) => {
      asked.push(ms);
      return ok(over.isAlone ?? true);
    },
    timeoutMs: 10_000,
    clock: () => now,
    wait: async (ms) => {
      now += ms;
    },
  });
  return { total: total.match(({ copied }) => copied, String), runs, now, asked };
}

test("one that finds nothing goes at once", async () => {
  expect(await copying([])).toEqual({ total: 0, runs: 1, now: 0, asked: [] });
});

test("one that finds something stays for a little longer than a second after the last, and no longer", async () => {
  expect(await copying([5, 0, 0, 3])).toEqual({ total: 8, runs: 16, now: 1_500, asked: [10_000] });
});

test("while another stays, it goes when it has done what there was", async () => {
  expect(await copying([5, 7], { isAlone: false })).toMatchObject({ total: 5, runs: 1 });
});

test("it ends before its time is over, however busy it is", async () => {
  const { now, total } = await copying(Array.from({ length: 1_000 }, () => 1));
  expect(now).toBeLessThan(10_000);
  expect(Number(total)).toBeGreaterThan(90);
});

test("what fails ends it", async () => {
  expect(await copying([5, 5, 5], { fails: 3 })).toMatchObject({ total: "away", runs: 3 });
});
