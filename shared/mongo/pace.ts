/** How long a write tries that others are in the way of, and what it says in the end. */
import type { Db } from "mongodb";
import { busy, tooLate } from "../contract/errors.ts";

export interface WriteLimits {
  db: Db;
  /** of all that a write does, its repetitions included */
  maxTimeMs: number;
  pace: Pace;
  /** aborted once its caller has been told that it was too late: nothing may be written after that */
  signal?: AbortSignal | undefined;
}

/** When to try again. */
export interface Pace {
  /** milliseconds, of any beginning */
  clock(): number;
  wait(ms: number): Promise<void>;
  /** from 0 to below 1 */
  random(): number;
}

export const ownPace: Pace = {
  clock: () => performance.now(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};

/** For whom nobody waits any more. */
export const TOO_LATE = tooLate();

export const BUSY = busy("This record, or one that it refers to, is being changed. Try again.");
