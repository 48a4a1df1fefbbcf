import { expect, test, vi } from "vitest";
import { deadlineVariables, measureSlowness } from "../../scripts/dev/machine-speed.ts";
import { DEFAULT_DEADLINES } from "../../shared/deadlines.ts";

vi.unmock("../../shared/deadlines.ts");

test("any machine has a factor, and no machine has less time than production gives", async () => {
  const slowness = await measureSlowness();
  expect(slowness).toBeGreaterThanOrEqual(1);
  for (const [name, ms] of Object.entries(deadlineVariables(slowness, {})))
    expect(Number(ms)).toBeGreaterThanOrEqual(DEFAULT_DEADLINES[name as keyof typeof DEFAULT_DEADLINES]);
});

test("ten times slower is ten times the time; what the environment sets stays", () => {
  const ordinary = deadlineVariables(1, {});
  const slow = deadlineVariables(10, { HOOK_DEADLINE_MS: 1_234 });
  expect(Number(slow.REQUEST_DEADLINE_MS)).toBe(10 * Number(ordinary.REQUEST_DEADLINE_MS));
  expect(slow.HOOK_DEADLINE_MS).toBe("1234");
});
