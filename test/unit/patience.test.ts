import { expect, test } from "vitest";
import { createPatience, NotNow } from "../../scripts/dev/patience.ts";

/** A clock that only waiting moves on. */
function patient(patienceMs: number, cancel = new AbortController().signal) {
  let now = 0;
  const waited: number[] = [];
  const patience = createPatience({
    patienceMs,
    cancel,
    clock: () => now,
    wait: async (ms) => {
      waited.push(ms);
      now += ms;
    },
  });
  return { ...patience, waited };
}

const failing = (times: number, error: Error) => async () => {
  if (times-- > 0) throw error;
  return "done";
};

test("waits as long as it was told to, at the most 10 s, and returns what comes at last", async () => {
  const { until, waited } = patient(60_000);
  expect(await until(failing(2, new NotNow("busy", 3_000)))).toBe("done");
  expect(await until(failing(1, new NotNow("away", 90_000)))).toBe("done");
  expect(await until(failing(1, new NotNow("nobody said when", Number.NaN)))).toBe("done");
  expect(waited).toEqual([3_000, 3_000, 10_000, 1_000]);
});

test("gives up when nothing has succeeded for too long, and says why", async () => {
  const { until, waited } = patient(5_000);
  await expect(until(failing(99, new NotNow("MongoDB does not answer")))).rejects.toThrow("MongoDB does not answer");
  expect(waited).toHaveLength(6);
});

test("who is refused while others succeed goes on", async () => {
  const { until } = patient(5_000);
  let refused = 0;
  const unlucky = until(async () => {
    if (refused++ < 20) {
      await until(async () => "others");
      throw new NotNow("busy");
    }
    return "at last";
  });
  expect(await unlucky).toBe("at last");
});

test("what no wait would mend is thrown at once; so is a cancellation", async () => {
  const { until, waited } = patient(5_000);
  await expect(until(failing(1, new Error("422")))).rejects.toThrow("422");
  const cancel = new AbortController();
  const cancelled = patient(5_000, cancel.signal);
  cancel.abort(new Error("Ctrl-C"));
  await expect(cancelled.until(failing(1, new NotNow("busy")))).rejects.toThrow("Ctrl-C");
  expect(waited).toEqual([]);
});
