/**
 * Measures of this instance, over its frozen life: counted in memory, and brought to Postgres behind an answer, once a minute. What
 * was brought stands there as sums of all instances. Never delays or fails a request; what an instance has counted since it was
 * last there is lost with it, a minute's at most.
 *
 * counted -> parcel (with an id of its own) -> brought. A parcel of which nobody knows whether it came is brought again as it
 * is, by its id, and counts once; the next one is made when it has come. While Postgres is away parcels wait, and the oldest
 * is dropped (and counted as dropped) beyond `MAX_PARCELS`.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { createTally, type Labels, type Sum } from "./tally.ts";

/** Calls one of the control plane's functions, within that time. */
export type Ask = <T>(name: string, parameters: object, timeoutMs: number) => Promise<Result<T, RepositoryError>>;

/** Counters that others keep, of this instance and ever: [metric, labels, count]. */
type Counters = () => readonly (readonly [metric: string, labels: Labels, count: number])[];

export interface MetricsOptions {
  ask: Ask;
  counters?: Counters;
  /** milliseconds since 1970 */
  clock: () => number;
  /** of one call, in milliseconds */
  callMs: number;
  newId?: () => string;
  /** keeps the process alive for work behind the answer */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

interface MetricsState {
  /** series that are not brought yet, those under way among them */
  unflushed: number;
  /** that were not counted, or dropped before they were brought */
  dropped: number;
  /** when something was last brought; null: never */
  flushed_at: string | null;
}

export interface Metrics {
  /** Counts something that took so many milliseconds. Never throws. */
  observe(metric: string, labels: Labels, ms: number): void;
  /** Behind an answer: brings what there is, if it is time. Never waits, and never throws. */
  tick(): void;
  /** Brings it now. False: Postgres did not take it, and it is kept. Never rejects. */
  flush(): Promise<boolean>;
  state(): MetricsState;
}

export const FLUSH_MS = 60_000;
const TRIM_MS = 600_000;
const MAX_PARCELS = 30;
/** Older ones are not taken: the ids of flushes are not kept for ever. */
const MAX_AGE_MS = 11 * 3_600_000;

interface Parcel {
  id: string;
  made: number;
  sums: Sum[];
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { ask, counters = () => [], clock, callMs, newId = () => crypto.randomUUID(), waitUntil = () => {} } = options;
  const tally = createTally({ clock });
  const told = new Map<string, number>();
  let parcels: Parcel[] = [];
  let dropped = 0;
  let running: Promise<boolean> | undefined;
  // at once: of an instance that answers once and is never asked again, something is to be left, too
  let triedAt = Number.NEGATIVE_INFINITY;
  let trimmedAt = Number.NEGATIVE_INFINITY;
  let flushedAt: string | null = null;
  let timer: NodeJS.Timeout | undefined;

  /** What others have counted since they were last asked. */
  const addCounters = () => {
    for (const [metric, labels, count] of counters()) {
      const key = JSON.stringify([metric, labels]);
      const more = count - (told.get(key) ?? 0);
      told.set(key, count);
      if (more > 0) tally.add(metric, labels, more);
    }
  };

  const drop = (gone: readonly Parcel[]) => {
    for (const { sums } of gone) dropped += sums.length;
  };

  const bring = async (): Promise<boolean> => {
    triedAt = clock();
    addCounters();
    const sums = tally.take();
    if (sums.length > 0) parcels.push({ id: newId(), made: clock(), sums });
    const tooOld = parcels.filter(({ made }) => clock() - made > MAX_AGE_MS);
    drop(tooOld);
    parcels = parcels.filter((parcel) => !tooOld.includes(parcel));
    drop(parcels.splice(0, parcels.length - MAX_PARCELS));
    for (let first = parcels[0]; first; first = parcels[0]) {
      const brought = await ask<number>("switchyard_flush_metrics", { p_id: first.id, p_series: first.sums }, callMs);
      // what is refused as it is would be refused for ever
      const isKnown = brought.isOk() || brought.error.kind === "invalid";
      if (!isKnown) return false;
      if (brought.isErr()) drop([first]);
      else dropped += brought.value;
      parcels.shift();
      flushedAt = new Date(clock()).toISOString();
    }
    if (clock() - trimmedAt >= TRIM_MS) {
      trimmedAt = clock();
      // others do it, too: what was not done is done the next time
      await ask("switchyard_trim_metrics", {}, callMs);
    }
    return true;
  };

  const flush = (): Promise<boolean> => {
    running ??= bring()
      .catch(() => false)
      .finally(() => {
        running = undefined;
      });
    return running;
  };

  const tick = () => {
    const left = triedAt + FLUSH_MS - clock();
    if (left <= 0) {
      waitUntil(flush());
      return;
    }
    // where a process lives on by itself; a frozen function brings it with the next request
    timer ??= setTimeout(() => {
      timer = undefined;
      void flush();
    }, left);
    timer.unref?.();
  };

  return {
    observe: (metric, labels, ms) => tally.observe(metric, labels, ms / 1_000),
    tick,
    flush,
    state: () => ({
      unflushed: tally.size() + parcels.reduce((sum, { sums }) => sum + sums.length, 0),
      dropped: dropped + tally.dropped(),
      flushed_at: flushedAt,
    }),
  };
}
