/**
 * Has the database behind a primary brought up before it is read instead of it. An instance that does not reach the primary is
 * no proof that nobody does: others may have written there a moment ago. Whoever copies is on another machine, and says.
 */
import { within } from "../values/within.ts";

export interface CatchUpOptions {
  /** copies what there is; rejects where the primary is away for it, too */
  copy: () => Promise<unknown>;
  /** no reader waits longer for it, in milliseconds */
  limitMs: number;
  /** milliseconds, of any beginning */
  clock: () => number;
}

/** How often one that could not copy is tried again. */
const AWAY_MS = 5_000;

/**
 * Waits until what was written before is copied: by a run that begins now, which all share that come before it. While nobody can
 * copy nobody waits: it is tried again behind their answers, and waited for once it has gone well. Only of runs that began at
 * `since` or later it is believed that nobody can. Never rejects.
 */
export type CatchUp = (since?: number) => Promise<void>;

export function createCatchUp({ copy, limitMs, clock }: CatchUpOptions): CatchUp {
  // of the last run that was known to fail, when it was asked for
  let awaySince: number | undefined;
  let triedAt = 0;
  let running: Promise<boolean> | undefined;
  let queued: Promise<boolean> | undefined;
  const run = (): Promise<boolean> => {
    const begun = copy()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        if (running === begun) running = undefined;
      });
    running = begun;
    return begun;
  };
  const join = (): Promise<boolean> => {
    if (!running) return run();
    // what is under way may have looked before
    queued ??= running.then(() => {
      queued = undefined;
      return run();
    });
    return queued;
  };
  const copied = async (): Promise<void> => {
    const from = clock();
    triedAt = from;
    const done = join();
    void done.then((hasCopied) => {
      awaySince = hasCopied ? undefined : from;
    });
    // one that goes well, and takes too long, is waited for no more than one that does not
    if (!(await within(limitMs, done))) awaySince = from;
  };
  return async (since = Number.NEGATIVE_INFINITY) => {
    if (awaySince === undefined || awaySince < since) return copied();
    // clocks are set back, too
    if (Math.abs(clock() - triedAt) > AWAY_MS) void copied();
  };
}
