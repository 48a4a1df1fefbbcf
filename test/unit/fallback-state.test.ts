/** What the database behind a primary knows: how often it is asked, and who is told what. */
import { ok } from "neverthrow";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createFallbackState, type FallbackKnows, type Presence } from "../../shared/placement/fallback-state.ts";

const KNOWS: FallbackKnows = {
  isOn: true,
  isPending: false,
  oldestPendingMs: null,
  completeUpTo: new Date("2026-11-01T12:00:00.000Z"),
  isReadHere: false,
};

describe("what is known behind a primary", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const stateOf = (
    read: (presence: Presence) => Promise<FallbackKnows>,
    over: { limitMs?: number; isAway?: () => boolean } = {},
  ) =>
    createFallbackState({
      read: async (presence) => ok(await read(presence)),
      requestMs: 2_500,
      limitMs: 500,
      clock: () => Date.now(),
      ...over,
    });

  test("is asked once a second, and by all at once", async () => {
    const read = vi.fn(async () => KNOWS);
    const state = stateOf(read);
    await Promise.all([state.read(), state.read()]);
    await vi.advanceTimersByTimeAsync(1_000);
    await state.read();
    expect(read).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    await state.read();
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("is unknown when nobody answers in time", async () => {
    const state = stateOf(() => new Promise(() => {}));
    const reading = state.read();
    await vi.advanceTimersByTimeAsync(500);
    expect(await reading).toBeNull();
  });

  test("is never older than what others wait for, however long it may take", async () => {
    const state = stateOf(() => new Promise((done) => setTimeout(done, 1_100, KNOWS)), { limitMs: 1_200 });
    const reading = state.read();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await reading).toBeNull();
  });

  test("is waited for by nobody while it is known not to answer, and asked all the same", async () => {
    let isAway = true;
    const read = vi.fn(() => (isAway ? new Promise<FallbackKnows>(() => {}) : Promise.resolve(KNOWS)));
    const state = stateOf(read, { isAway: () => isAway });
    expect(await state.read()).toBeNull();
    expect(read).toHaveBeenCalledTimes(1);
    isAway = false;
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await state.read()).toEqual(KNOWS);
  });

  test("whoever reads there has it told, again before it lapses, and says from when all know it", async () => {
    const read = vi.fn(async (_presence: Presence) => KNOWS);
    const state = stateOf(read);
    const from = Date.now();
    await state.read();
    expect(await state.readBehind()).toEqual({ known: KNOWS, knownToAllAt: from + 1_000 });
    for (let second = 0; second < 60; second++) {
      await vi.advanceTimersByTimeAsync(1_001);
      expect((await state.readBehind()).knownToAllAt).toBe(from + 1_000);
    }
    const told = read.mock.calls.map(([{ readsMs }]) => readsMs);
    expect([told[0], told[1], told.length]).toEqual([0, 10_000, 62]);
    expect(told.filter((readsMs) => readsMs > 0)).toHaveLength(13);
    // nobody has read for so long that the others have forgotten
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await state.readBehind()).knownToAllAt).toBe(Date.now() + 1_000);
  });

  test("whoever writes in the primary has that told, once a second, for longer than the write may take", async () => {
    const read = vi.fn(async (_presence: Presence) => KNOWS);
    const state = stateOf(read);
    await state.read();
    await Promise.all([state.readWriting(), state.readWriting()]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await state.readWriting()).toEqual(KNOWS);
    await vi.advanceTimersByTimeAsync(1);
    await state.readWriting();
    expect(read.mock.calls.map(([{ writesMs }]) => writesMs)).toEqual([0, 3_500, 3_500]);
  });

  test("whoever writes the first waits until all have asked again; who comes later need not", async () => {
    let now: FallbackKnows = { ...KNOWS, isPending: true, oldestPendingMs: 100 };
    const state = stateOf(async () => now);
    const told = vi.fn();
    const announcing = state.announce().then(told);
    await vi.advanceTimersByTimeAsync(899);
    expect(told).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await announcing;
    now = { ...now, oldestPendingMs: 1_000 };
    await state.announce();
    // it has been copied meanwhile
    now = KNOWS;
    await state.announce();
  });
});
