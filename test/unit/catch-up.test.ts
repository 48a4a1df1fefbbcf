/** Having a copy brought up before it is read: who waits for which run, and when nobody does. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createCatchUp } from "../../shared/placement/catch-up.ts";

describe("bringing up what is behind a primary", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const over = (copy: () => Promise<unknown>) => createCatchUp({ copy, limitMs: 500, clock: () => Date.now() });

  test("who comes while a run is under way waits for the next, with all the others", async () => {
    const runs: PromiseWithResolvers<void>[] = [];
    const catchUp = over(() => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    });
    const done = [vi.fn(), vi.fn(), vi.fn()];
    const [first, second, third] = done.map((told) => catchUp().then(told));
    expect(runs).toHaveLength(1);
    runs[0]?.resolve();
    await first;
    expect([done[1]?.mock.calls, runs.length]).toEqual([[], 2]);
    runs[1]?.resolve();
    await Promise.all([second, third]);
    expect(runs).toHaveLength(2);
  });

  test("where nobody can copy, or not in time, nobody waits again for a while", async () => {
    for (const copy of [() => Promise.reject(new Error("away")), () => new Promise(() => {})]) {
      const tried = vi.fn(copy);
      const catchUp = over(tried);
      const first = catchUp();
      await vi.advanceTimersByTimeAsync(500);
      await first;
      await catchUp();
      expect(tried).toHaveBeenCalledTimes(1);
    }
  });

  test("that nobody can is believed of runs from the moment on from which all know of each other", async () => {
    const tried = vi.fn(() => Promise.reject(new Error("away")));
    const catchUp = over(tried);
    const knownToAllAt = Date.now() + 1_000;
    await catchUp(knownToAllAt);
    await vi.advanceTimersByTimeAsync(999);
    await catchUp(knownToAllAt);
    expect(tried).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    await catchUp(knownToAllAt);
    await catchUp(knownToAllAt);
    expect(tried).toHaveBeenCalledTimes(3);
  });

  test("it is tried again behind the answers, and waited for once it has gone well", async () => {
    let run = Promise.withResolvers<void>();
    const tried = vi.fn(() => run.promise);
    const catchUp = over(tried);
    run.reject(new Error("away"));
    await catchUp();
    run = Promise.withResolvers();
    await vi.advanceTimersByTimeAsync(5_001);
    // answered without it
    await catchUp();
    expect(tried).toHaveBeenCalledTimes(2);
    run.resolve();
    await vi.advanceTimersByTimeAsync(0);
    run = Promise.withResolvers();
    const told = vi.fn();
    const waiting = catchUp().then(told);
    await vi.advanceTimersByTimeAsync(100);
    expect(told).not.toHaveBeenCalled();
    run.resolve();
    await waiting;
    expect(tried).toHaveBeenCalledTimes(3);
  });
});
