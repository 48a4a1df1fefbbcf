/** Trying again what is refused for now, by many at once, for as long as anything of it succeeds. */
import { pause } from "./pause.ts";

/** Something that may succeed later. */
export class NotNow extends Error {
  override readonly name = "NotNow";
  /** when to try again, if that was said */
  readonly afterMs: number;
  constructor(message: string, afterMs = 0) {
    super(message);
    this.afterMs = afterMs || DEFAULT_PAUSE_MS;
  }
}

const DEFAULT_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;

export interface Patience {
  /** Runs the work until it succeeds, or throws something else than `NotNow`, or nothing has succeeded for too long. */
  until<T>(work: () => Promise<T>): Promise<T>;
}

export interface PatienceOptions {
  readonly patienceMs: number;
  readonly cancel: AbortSignal;
  readonly clock?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Not so many tries each: a database that is away for a minute takes them all, and one that is slow needs few. The clock is
 * that of the whole, so that one who is refused while others succeed goes on.
 */
export function createPatience({
  patienceMs,
  cancel,
  clock = () => performance.now(),
  wait = pause,
}: PatienceOptions): Patience {
  let lastSuccess = clock();
  return {
    async until(work) {
      for (;;) {
        try {
          const result = await work();
          lastSuccess = clock();
          return result;
        } catch (error) {
          cancel.throwIfAborted();
          if (!(error instanceof NotNow) || clock() - lastSuccess > patienceMs) throw error;
          await wait(Math.min(error.afterMs, LONGEST_PAUSE_MS), cancel);
        }
      }
    },
  };
}
