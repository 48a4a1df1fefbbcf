/**
 * Histograms of durations: how many took no longer than each of these bounds, in seconds. Fixed, because sums over instances
 * and over months are kept by them; one more column is for what took longer than all.
 */
export const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const COLUMNS = BOUNDS.length + 1;

export const noBuckets = (): number[] => new Array<number>(COLUMNS).fill(0);

/** The column that a duration is counted in. */
export function columnOf(seconds: number): number {
  const found = BOUNDS.findIndex((bound) => seconds <= bound);
  return found < 0 ? BOUNDS.length : found;
}

/** In place. */
export function addBuckets(to: number[], more: readonly number[]): void {
  for (const [index, count] of more.entries()) to[index] = (to[index] ?? 0) + count;
}

/**
 * About how many seconds that part (0 to 1) of all took at most: between two bounds as if they were spread evenly, as
 * Prometheus' `histogram_quantile` does, and the last bound for what took longer. Null: nothing was counted.
 */
export function quantile(part: number, buckets: readonly number[]): number | null {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  const rank = part * all;
  let before = 0;
  for (const [index, count] of buckets.entries()) {
    const upper = BOUNDS[index];
    if (upper === undefined) break;
    if (count > 0 && before + count >= rank) {
      const lower = BOUNDS[index - 1] ?? 0;
      return lower + (upper - lower) * ((rank - before) / count);
    }
    before += count;
  }
  return BOUNDS[BOUNDS.length - 1] as number;
}
