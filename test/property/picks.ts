/** Records by number, so that a history without some of its steps still means something. */
import fc from "fast-check";

/** A record: the n-th of those that are there when the step is run, or the one with the n-th id, there or not. */
export type Pick = { live: number } | { slot: number };

/** Few enough for ids to be taken, deleted and used again in one history. */
export const SLOTS = 16;

export const picks: fc.Arbitrary<Pick> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ live: fc.nat(SLOTS - 1) }) },
  { weight: 1, arbitrary: fc.record({ slot: fc.nat(SLOTS - 1) }) },
);

export const isPick = (value: unknown): value is Pick =>
  typeof value === "object" && value !== null && (Object.hasOwn(value, "live") || Object.hasOwn(value, "slot"));

/** The n-th id: in another order than the numbers, some with the highest bit set, which a signed comparison turns round. */
export const idOf = (slot: number): string => {
  const byte = ((slot * 151 + 7) % 256).toString(16).padStart(2, "0");
  return `${byte}000000-0000-4000-8000-0000000000${slot.toString(16).padStart(2, "0")}`;
};

/** Which number an id has. */
export const slotOf = (id: string): number => Number.parseInt(id.slice(-2), 16);
