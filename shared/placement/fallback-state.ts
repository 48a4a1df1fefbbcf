/**
 * What the database behind a primary knows of what only it has: whether there are records that the primary does not have yet.
 * Asked at most once a second. That is also how long another instance may believe that there are none, so whoever writes the
 * first of them answers only once every instance has asked again: nobody sees a record, and then does not.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { within } from "../values/within.ts";

export interface FallbackKnows {
  /** changes here are marked for the primary; otherwise they would stay here */
  isOn: boolean;
  isPending: boolean;
  /** for how long the oldest of them has been, in milliseconds by its own clock; null: there is none */
  oldestPendingMs: number | null;
  /** up to when it has everything of the primary; null: it never had */
  completeUpTo: Date | null;
}

export interface FallbackStateOptions {
  read: () => Promise<Result<FallbackKnows, RepositoryError>>;
  /** no answer waits longer for it, in milliseconds; never longer than an answer is kept */
  limitMs: number;
  /** known not to answer: nobody waits for it, and it is asked behind their backs */
  isAway?: () => boolean;
  /** milliseconds, of any beginning */
  clock: () => number;
  wait?: (ms: number) => Promise<void>;
}

export interface FallbackState {
  /** At most a second old; null: it does not answer. Never rejects. */
  read(): Promise<FallbackKnows | null>;
  /** Resolves once what was just written there is known to everybody who asks it. */
  announce(): Promise<void>;
}

const KEPT_MS = 1_000;

export function createFallbackState(options: FallbackStateOptions): FallbackState {
  const { read, clock, isAway = () => false, wait = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;
  // who joins a question gets an answer that is as old as the question
  const limitMs = Math.min(options.limitMs, KEPT_MS);
  let known: { at: number; value: FallbackKnows | null } | undefined;
  let reading: Promise<FallbackKnows | null> | undefined;
  const readAgain = async (): Promise<FallbackKnows | null> => {
    // as old as the question: what is written while it is answered may not be in the answer
    const at = clock();
    const found = await within(
      limitMs,
      read().then(
        (answer) => answer.unwrapOr(null),
        () => null,
      ),
    );
    const value = found ?? null;
    known = { at, value };
    return value;
  };
  return {
    read: async () => {
      // clocks are set back, too
      if (known && Math.abs(clock() - known.at) <= KEPT_MS) return known.value;
      reading ??= readAgain().finally(() => {
        reading = undefined;
      });
      return isAway() ? null : reading;
    },
    async announce() {
      const now = await readAgain();
      // copied already: whoever reads the primary finds it there
      if (now && !now.isPending) return;
      const left = KEPT_MS - (now?.oldestPendingMs ?? 0);
      if (left > 0) await wait(left);
    },
  };
}
