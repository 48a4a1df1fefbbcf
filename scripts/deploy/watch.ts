/** Whether what has been seen of a new version is good enough to keep it: stated limits, and nothing but arithmetic. */
import type { Seen } from "./probe.ts";

export const LIMITS = {
  /** looks that fail one after the other */
  failuresInARow: 3,
  /** of all looks, once there are so many */
  failedShare: 0.05,
  leastLooks: 20,
  /** the median of the last looks may be so many times that of the old version, and this more */
  slower: 3,
  slowerByMs: 1_000,
  medianOf: 10,
  /** of the requests of all users, once there are so many, and beyond what share of them failed before */
  errorShare: 0.02,
  leastRequests: 50,
} as const;

export const limitsInWords = `${LIMITS.failuresInARow} failed looks in a row, more than ${LIMITS.failedShare * 100} % of ${LIMITS.leastLooks} or more, a median over ${LIMITS.slower} times and ${LIMITS.slowerByMs} ms beyond the old version's, or 5xx for more than ${LIMITS.errorShare * 100} % of ${LIMITS.leastRequests} or more requests`;

export interface Watched {
  looks: readonly Seen[];
  /** the old version's median, where it answered */
  baselineMs: number | null;
  /** of all users, since the new version answers */
  errors: { requests: number; errors: number } | null;
}

/** Why the old version has to come back; null while there is no reason. */
export function whyBack({ looks, baselineMs, errors }: Watched): string | null {
  const last = looks.slice(-LIMITS.failuresInARow);
  if (last.length === LIMITS.failuresInARow && last.every(({ ok }) => !ok))
    return `${last.length} looks failed in a row: ${last.at(-1)?.says}`;
  const failed = looks.filter(({ ok }) => !ok);
  if (looks.length >= LIMITS.leastLooks && failed.length > looks.length * LIMITS.failedShare)
    return `${failed.length} of ${looks.length} looks failed: ${failed.at(-1)?.says}`;
  const timed = looks.filter(({ ok }) => ok).slice(-LIMITS.medianOf);
  const median = medianOf(timed);
  if (baselineMs !== null && median !== null && timed.length === LIMITS.medianOf) {
    const limit = Math.max(baselineMs * LIMITS.slower, baselineMs + LIMITS.slowerByMs);
    if (median > limit)
      return `it takes ${Math.round(median)} ms, the median of the last ${timed.length} looks; the old version took ${Math.round(baselineMs)} ms`;
  }
  if (errors && errors.requests >= LIMITS.leastRequests && errors.errors > errors.requests * LIMITS.errorShare)
    return `${errors.errors} of ${errors.requests} requests ended in 5xx`;
  return null;
}

export function medianOf(looks: readonly Seen[]): number | null {
  const sorted = looks.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
