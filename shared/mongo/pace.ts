/** How long a write tries that others are in the way of, and what it says in the end. */
import type { Db } from "mongodb";
import { busy } from "../contract/errors.ts";

export interface WriteLimits {
  db: Db;
  /** of all that a write does, its repetitions included */
  maxTimeMs: number;
  pace: Pace;
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

export const BUSY = busy("This record, or one that it refers to, is being changed. Try again.");
