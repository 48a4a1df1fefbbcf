/** The queue of what is written behind answers: its bound, what it does while the database is away, what it counts. */
import { describe, expect, test } from "vitest";
import { createWriteBehind, type WriteBehindOptions } from "../../shared/write-behind.ts";

/** A database that is there, away, or holds its answers back; and a clock that is set by hand. */
function started(options: Partial<WriteBehindOptions<number>> = {}) {
  const calls: number[][] = [];
  const state = { isAway: false, now: 0, hold: undefined as Promise<void> | undefined, refuses: (_: number) => false };
  const behind: Promise<unknown>[] = [];
  const queue = createWriteBehind<number>({
    ...{ limit: 10, batchSize: 4, pauseMs: 100, sendsAgain: true, clock: () => state.now },
    waitUntil: (work) => behind.push(work),
    async write(items) {
      calls.push([...items]);
      await state.hold;
      return state.isAway ? { failed: items, isAway: true } : { failed: items.filter(state.refuses), isAway: false };
    },
    ...options,
  });
  const push = (...items: number[]) => {
    for (const item of items) queue.push(item);
  };
  return { calls, state, behind, queue, push };
}
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("what is written behind", () => {
  test("of somebody who is gone is taken away, but for what is under way", async () => {
    const { queue, push, state, calls } = started();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.hold = promise;
    push(1);
    await Promise.resolve();
    await Promise.resolve();
    push(2, 3, 4);
    queue.forget((item) => item < 4);
    resolve();
    await queue.settled();
    expect(calls).toEqual([[1], [4]]);
  });

  test("goes in turn, one call at a time, together with what came meanwhile, and work is waited for", async () => {
    const { calls, behind, queue, push, state } = started();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.hold = promise;
    push(1, 2);
    expect(calls).toEqual([]);
    await Promise.resolve();
    await Promise.resolve();
    push(3, 4, 5, 6, 7);
    expect(calls).toEqual([[1, 2]]);
    expect(queue.stats()).toEqual({ queued: 7, written: 0, dropped: 0 });
    resolve();
    await Promise.all(behind);
    expect(calls).toEqual([[1, 2], [3, 4, 5, 6], [7]]);
    expect(queue.stats()).toEqual({ queued: 0, written: 7, dropped: 0 });
    await queue.settled();
  });

  test("is bounded, with what is under way: the rest is dropped and counted", async () => {
    const { queue, push, state, calls } = started();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.hold = promise;
    push(1, 2);
    await Promise.resolve();
    await Promise.resolve();
    push(...range(3, 1_000));
    expect(queue.stats()).toEqual({ queued: 10, written: 0, dropped: 990 });
    resolve();
    await queue.settled();
    expect(calls.flat()).toEqual(range(1, 10));
    expect(queue.stats()).toEqual({ queued: 0, written: 10, dropped: 990 });
  });

  test("is sent again after the pause, before all else, and never within it", async () => {
    const { queue, push, state, calls } = started();
    state.isAway = true;
    push(1, 2);
    await queue.settled();
    push(...range(3, 50));
    await queue.settled();
    expect(calls).toEqual([[1, 2]]);
    expect(queue.stats()).toEqual({ queued: 10, written: 0, dropped: 40 });
    state.isAway = false;
    state.now = 101;
    push(51);
    expect(queue.stats().dropped).toBe(41);
    // what is refused starts nothing; a place does
    queue.forget((item) => item === 10);
    push(52);
    await queue.settled();
    expect(calls.slice(1)).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 52],
    ]);
  });

  test("goes on by itself after the pause, where the process lives on", async () => {
    const { queue, push, state, calls } = started({ pauseMs: 5, clock: () => performance.now() });
    state.isAway = true;
    push(1);
    await queue.settled();
    state.isAway = false;
    await expect.poll(() => queue.stats().written, { timeout: 60_000 }).toBe(1);
    expect(calls.length).toBeGreaterThan(1);
  });

  test("is dropped, and so is all that waits and comes in the pause, where it is not to be kept", async () => {
    const { queue, push, state, calls } = started({ sendsAgain: false });
    state.isAway = true;
    push(...range(1, 6));
    await queue.settled();
    push(7);
    expect(queue.stats()).toEqual({ queued: 0, written: 0, dropped: 7 });
    state.now = 101;
    state.isAway = false;
    push(8);
    await queue.settled();
    expect(calls).toEqual([[1, 2, 3, 4], [8]]);
    expect(queue.stats()).toEqual({ queued: 0, written: 1, dropped: 7 });
  });

  test("of a call, what alone is refused is dropped, and all else goes on", async () => {
    const { queue, push, state } = started();
    state.refuses = (item) => item % 2 === 0;
    push(...range(1, 5));
    await queue.settled();
    expect(queue.stats()).toEqual({ queued: 0, written: 3, dropped: 2 });
  });
});
