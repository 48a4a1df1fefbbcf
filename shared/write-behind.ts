/**
 * What is written behind the answer, and is not worth an error to anybody: a queue with a bound. What comes while it is full is
 * dropped and counted; what came first says how it began. One call of `write` runs at a time, and what comes meanwhile goes
 * with the next one. A database that is away opens a pause, in which nothing is sent: it is asked once in a while, and nobody
 * waits for it. Nothing in here writes a log, so it may be what logs go through.
 */
/** What became of the items of one call. */
interface Written<T> {
  /** that were not written, or of which nobody knows */
  failed: readonly T[];
  /** whether that is so because the database does not answer, or takes nothing */
  isAway: boolean;
}

export interface WriteBehindOptions<T> {
  /** Writes them. Never rejects. */
  write(items: readonly T[]): Promise<Written<T>>;
  /** items that wait or are under way, at most */
  limit: number;
  /** items that one call is given, at most */
  batchSize: number;
  /** once the database was away */
  pauseMs: number;
  /** whether what failed because it was away is sent again, before all else. Else it is dropped, and so is what comes in the pause */
  sendsAgain: boolean;
  /** milliseconds, of any beginning */
  clock?: () => number;
  /** keeps the process alive for work behind the answer */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** In items, since the instance started. */
export interface WriteBehindStats {
  /** that wait, or are under way */
  queued: number;
  written: number;
  dropped: number;
}

export interface WriteBehind<T> {
  /** Never blocks, and never throws. */
  push(item: T): void;
  /** Takes away what waits and fits; what is under way is. */
  forget(fits: (item: T) => boolean): void;
  stats(): WriteBehindStats;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export function createWriteBehind<T>(options: WriteBehindOptions<T>): WriteBehind<T> {
  const { write, limit, batchSize, pauseMs, sendsAgain, clock = () => performance.now(), waitUntil } = options;
  let waiting: T[] = [];
  let sending = 0;
  let [written, dropped] = [0, 0];
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const isPaused = () => clock() < pausedUntil;

  async function drain(): Promise<void> {
    // with what the same turn of the event loop has to say
    await Promise.resolve();
    while (waiting.length > 0 && !isPaused()) {
      const batch = waiting.splice(0, batchSize);
      sending = batch.length;
      const { failed, isAway } = await write(batch);
      sending = 0;
      written += batch.length - failed.length;
      if (isAway) pausedUntil = clock() + pauseMs;
      if (isAway && sendsAgain) waiting.unshift(...failed);
      else dropped += failed.length;
      if (isAway && !sendsAgain) dropped += waiting.splice(0).length;
    }
  }

  function start(): void {
    if (running || waiting.length === 0) return;
    if (isPaused()) {
      // where a process lives on by itself; in a function, the next one who has something to say sees to it
      timer ??= setTimeout(
        () => {
          timer = undefined;
          start();
        },
        pausedUntil - clock() + 1,
      );
      timer.unref?.();
      return;
    }
    running = drain().finally(() => {
      running = undefined;
      start();
    });
    waitUntil?.(running);
  }

  return {
    push(item) {
      if (waiting.length + sending >= limit || (!sendsAgain && isPaused())) {
        dropped++;
      } else waiting.push(item);
      start();
    },
    forget(fits) {
      waiting = waiting.filter((item) => !fits(item));
    },
    stats: () => ({ queued: waiting.length + sending, written, dropped }),
    async settled() {
      while (running) await running;
    },
  };
}
