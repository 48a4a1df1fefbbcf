/**
 * What the database behind a primary knows of what only it has: whether there are records that the primary does not have yet, and
 * whether somebody reads it in place of the primary. Asked at most once a second. That is also how long another instance may
 * believe that there are none, so whoever writes the first of them answers only once every instance has asked again, and whoever
 * begins to read there relies on being known only then: nobody sees a record, and then does not.
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
  /** somebody may read here in place of the primary: what is written there has to be copied before it is answered */
  isReadHere: boolean;
}

/** What whoever reads behind the primary has to know. */
interface Reading {
  known: FallbackKnows | null;
  /** from when on every instance knows that it is read there, by the clock of the options */
  knownToAllAt: number;
}

/** For how long from now on the caller may do so, in milliseconds; 0: it does not. */
export interface Presence {
  /** read there in place of the primary */
  readsMs: number;
  /** write in the primary: what is written by then has to be brought there, whether or not anybody was woken for it */
  writesMs: number;
}

export interface FallbackStateOptions {
  read: (presence: Presence) => Promise<Result<FallbackKnows, RepositoryError>>;
  /** what a request may take, and so a write that it has begun */
  requestMs: number;
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
  /** The same before reading there in place of the primary, which the others are told. */
  readBehind(): Promise<Reading>;
  /** The same before a write in the primary. */
  readWriting(): Promise<FallbackKnows | null>;
  /** Resolves once what was just written there is known to everybody who asks it. */
  announce(): Promise<void>;
}

const KEPT_MS = 1_000;
/** Longer than it is said again, however seldom somebody reads while the primary is away. */
const READS_MS = 10_000;

export function createFallbackState(options: FallbackStateOptions): FallbackState {
  const { read, clock, isAway = () => false, wait = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;
  // who joins a question gets an answer that is as old as the question
  const limitMs = Math.min(options.limitMs, KEPT_MS);
  let known: { at: number; value: FallbackKnows | null } | undefined;
  // when the others were told that this one reads: last, and the first time without a gap
  let told: { at: number; since: number } | undefined;
  const isTold = (at: number, ms: number) => told !== undefined && Math.abs(at - told.at) < ms;
  let writesToldAt = Number.NEGATIVE_INFINITY;
  const askAgain = async ({ readsMs = 0, writesMs = 0 }: Partial<Presence> = {}): Promise<FallbackKnows | null> => {
    // as old as the question: what is written while it is answered may not be in the answer
    const at = clock();
    const found = await within(
      limitMs,
      read({ readsMs, writesMs }).then(
        (answer) => answer.unwrapOr(null),
        () => null,
      ),
    );
    const value = found ?? null;
    if (readsMs > 0 && value) told = { at, since: told && isTold(at, readsMs - KEPT_MS) ? told.since : clock() };
    if (writesMs > 0 && value) writesToldAt = at;
    known = { at, value };
    return value;
  };
  const ask = shared(() => askAgain());
  const tell = shared(() => askAgain({ readsMs: READS_MS }));
  const tellWriting = shared(() => askAgain({ writesMs: options.requestMs + KEPT_MS }));
  // clocks are set back, too
  const fresh = () => (known && Math.abs(clock() - known.at) <= KEPT_MS ? known : undefined);
  return {
    read: async () => {
      const kept = fresh();
      if (kept) return kept.value;
      const reading = ask();
      return isAway() ? null : reading;
    },
    async readBehind() {
      const kept = fresh();
      const reading = isTold(clock(), READS_MS / 2) ? (kept ? kept.value : ask()) : tell();
      const value = isAway() ? null : await reading;
      return { known: value, knownToAllAt: (told?.since ?? clock()) + KEPT_MS };
    },
    async readWriting() {
      const isToldOf = Math.abs(clock() - writesToldAt) <= KEPT_MS;
      const reading = isToldOf ? (fresh()?.value ?? ask()) : tellWriting();
      return isAway() ? null : reading;
    },
    async announce() {
      const now = await askAgain();
      // copied already: whoever reads the primary finds it there
      if (now && !now.isPending) return;
      const left = KEPT_MS - (now?.oldestPendingMs ?? 0);
      if (left > 0) await wait(left);
    },
  };
}

/** One at a time: who comes meanwhile joins it. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
