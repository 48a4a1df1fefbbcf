/** Up to when a replica is complete: asked for seldom, before the rows, and never in the way of them. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createCompleteUpTo } from "../../shared/placement/complete-up-to.ts";

const [THEN, LATER] = [new Date("2026-11-01T12:00:00.000Z"), new Date("2026-11-01T12:00:02.000Z")];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const asked = (read: () => Promise<Date | null>) => createCompleteUpTo({ read, limitMs: 100, clock: () => Date.now() });

test("is read once a second at most, and once for all who ask at the same time", async () => {
  const read = vi.fn<() => Promise<Date | null>>().mockResolvedValueOnce(THEN).mockResolvedValueOnce(LATER);
  const upTo = asked(read);
  expect(await Promise.all([upTo(), upTo(), upTo()])).toEqual([THEN, THEN, THEN]);
  vi.setSystemTime(Date.now() + 1_000);
  expect(await upTo()).toEqual(THEN);
  expect(read).toHaveBeenCalledTimes(1);
  vi.setSystemTime(Date.now() + 1);
  expect(await upTo()).toEqual(LATER);
});

test("is not known where it cannot be read, or not in time", async () => {
  expect(await asked(() => Promise.reject(new Error("away")))()).toBeNull();
  expect(await asked(async () => null)()).toBeNull();
  const reading = Promise.withResolvers<Date>();
  const upTo = asked(() => reading.promise);
  const waiting = upTo();
  await vi.advanceTimersByTimeAsync(100);
  expect(await waiting).toBeNull();
  reading.resolve(THEN);
  await vi.advanceTimersByTimeAsync(0);
  expect(await upTo()).toEqual(THEN);
});
