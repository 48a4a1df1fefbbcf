/** Without statistics a planner guesses: what is measured before they are there says nothing about the day after. */
import type postgres from "postgres";

export const analyze = (sql: postgres.Sql) => sql`vacuum analyze public.expenses`;

const PATIENCE_MS = 90_000;
const PAUSE_MS = 1_000;

/**
 * MongoDB servers make their statistics themselves, and do not say when. A page that is read from an index in order takes
 * far less than one that is sorted, so the call is watched until it takes less than `enough` milliseconds; after a while it
 * is measured as it is.
 */
export async function untilPlanned(call: () => Promise<unknown>, enough = 4): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const start = performance.now();
    for (let calls = 0; calls < 5; calls++) await call();
    if ((performance.now() - start) / 5 < enough) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
