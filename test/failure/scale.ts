/**
 * Deadlines, on a machine of any speed. What is promised of a deadline is promised of a short one and of a long one, so a
 * test tries it with short ones first, and where the machine was too slow for those, with ones twice as long. A fault of
 * the code stays one at every scale; the slowness of a machine does not.
 */
const SHORTEST_MS = 500;
const LONGEST_MS = 128_000;

/** A database that was there could not answer within that deadline. */
export class TooSlow extends Error {
  override readonly name = "TooSlow";
}

/** Resolves with the first attempt that is not too slow; every other failure is one of the test. */
export async function atSomeScale<T>(attempt: (deadlineMs: number) => Promise<T>): Promise<T> {
  for (let deadlineMs = SHORTEST_MS; ; deadlineMs *= 2)
    try {
      return await attempt(deadlineMs);
    } catch (error) {
      if (!(error instanceof TooSlow) || deadlineMs >= LONGEST_MS) throw error;
    }
}
