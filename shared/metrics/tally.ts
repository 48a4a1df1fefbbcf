/** What one instance has counted and not brought to Postgres yet: sums by minute, metric and labels. */
import { columnOf, noBuckets } from "./buckets.ts";

/** Texts of our own alone, of which there are few: patterns of routes, names of databases, codes of problems. */
export type Labels = Readonly<Record<string, string>>;

/** The sum of one series over a minute. */
export interface Sum {
  /** the minute's beginning */
  at: string;
  metric: string;
  labels: Labels;
  count: number;
  /** all durations together; 0 of counters */
  seconds: number;
  /** as in buckets.ts; empty: a counter */
  buckets: number[];
}

export interface Tally {
  /** Counts something that took so many seconds. */
  observe(metric: string, labels: Labels, seconds: number): void;
  /** Counts, without a duration. */
  add(metric: string, labels: Labels, count: number): void;
  /** All of it, which is then counted no more. */
  take(): Sum[];
  /** sums that wait */
  size(): number;
  /** that were not counted because there were too many series */
  dropped(): number;
}

const MINUTE_MS = 60_000;

/** `limit`: series in all; beyond, what belongs to none of them is dropped. */
export function createTally({ clock, limit = 2_000 }: { clock: () => number; limit?: number }): Tally {
  let sums = new Map<string, Sum>();
  let dropped = 0;
  const sumOf = (metric: string, labels: Labels): Sum | undefined => {
    const minute = Math.floor(clock() / MINUTE_MS) * MINUTE_MS;
    const key = JSON.stringify([minute, metric, labels]);
    const known = sums.get(key);
    if (known) return known;
    if (sums.size >= limit) {
      dropped += 1;
      return undefined;
    }
    const made: Sum = { at: new Date(minute).toISOString(), metric, labels, count: 0, seconds: 0, buckets: [] };
    sums.set(key, made);
    return made;
  };
  return {
    observe(metric, labels, seconds) {
      const sum = sumOf(metric, labels);
      if (!sum) return;
      if (sum.count === 0) sum.buckets = noBuckets();
      sum.count += 1;
      sum.seconds += seconds;
      addAt(sum.buckets, columnOf(seconds));
    },
    add(metric, labels, count) {
      const sum = sumOf(metric, labels);
      if (sum) sum.count += count;
    },
    take() {
      const taken = [...sums.values()];
      sums = new Map();
      return taken;
    },
    size: () => sums.size,
    dropped: () => dropped,
  };
}

const addAt = (buckets: number[], column: number): void => {
  buckets[column] = (buckets[column] ?? 0) + 1;
};
