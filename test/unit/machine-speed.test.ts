import { expect, test, vi } from "vitest";
import { deadlinesFor, measureSlowness } from "../../scripts/dev/machine-speed.ts";
import { DEFAULT_DEADLINES } from "../../shared/deadlines.ts";

vi.unmock("../../shared/deadlines.ts");

test("any machine has a factor, and no machine has less time than production gives", async () => {
  const slowness = await measureSlowness();
  expect(slowness).toBeGreaterThanOrEqual(1);
  for (const [name, ms] of Object.entries(deadlinesFor(slowness, {})))
    expect(ms).toBeGreaterThanOrEqual(DEFAULT_DEADLINES[name as keyof typeof DEFAULT_DEADLINES]);
});

test("ten times slower is ten times the time; what the environment sets stays", () => {
  const ordinary = deadlinesFor(1, {});
  const slow = deadlinesFor(10, { HOOK_DEADLINE_MS: 1_234 });
  expect(slow.REQUEST_DEADLINE_MS).toBe(10 * (ordinary.REQUEST_DEADLINE_MS ?? 0));
  expect(slow.HOOK_DEADLINE_MS).toBe(1_234);
});
