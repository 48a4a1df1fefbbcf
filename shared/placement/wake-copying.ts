/** Has what was written copied soon: whoever copies is woken after writes. A wake-up only: the marks are what is kept. */
import type { Log } from "../log.ts";
import type { Store } from "../repository/store.ts";

export interface WakeOptions {
  /** wakes whoever copies */
  call: () => Promise<unknown>;
  /** milliseconds, of any beginning */
  clock: () => number;
  /** keeps the process alive for work behind the answer */
  waitUntil: (work: Promise<unknown>) => void;
  log: Pick<Log, "debug">;
  wait?: (ms: number) => Promise<void>;
}

const EVERY_MS = 1_000;
/** After a call that failed: what MongoDB alone has, pg_cron does not know of. (A function that is kept alive longer costs more.) */
const AGAIN_MS = [2_000, 8_000];

/**
 * To be called after each write. Calls at once, then once a second at most, and once more for what was written meanwhile; a call
 * that fails is made twice more.
 */
export function createWakeUp({ call, clock, waitUntil, log, wait = pause }: WakeOptions): () => void {
  let calledAt = Number.NEGATIVE_INFINITY;
  let isComing = false;
  let isRepeating = false;
  const wakeUp = async () => {
    // clocks are set back, too
    const left = Math.min(EVERY_MS, calledAt + EVERY_MS - clock());
    if (left > 0) await wait(left);
    // what is written from now on is for the next one
    isComing = false;
    calledAt = clock();
    await call();
  };
  const again = async () => {
    if (isRepeating) return;
    isRepeating = true;
    try {
      for (const ms of AGAIN_MS) {
        await wait(ms);
        if (await call().then(...ANSWERED)) return;
      }
    } finally {
      isRepeating = false;
    }
  };
  return () => {
    if (isComing) return;
    isComing = true;
    waitUntil(
      wakeUp().catch((error) => {
        log.debug("copying_not_woken", { error });
        return again();
      }),
    );
  };
}

/** Whether it was. */
const ANSWERED = [() => true, () => false] as const;

/** A store that says when something was written. */
export function wakingStore(store: Store, wake: () => void): Store {
  const noticed = async <A extends { isOk(): boolean }>(answer: Promise<A>): Promise<A> => {
    const written = await answer;
    if (written.isOk()) wake();
    return written;
  };
  return {
    ...store,
    create: (...given) => noticed(store.create(...given)),
    update: (...given) => noticed(store.update(...given)),
    delete: (...given) => noticed(store.delete(...given)),
  };
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    // a process with nothing else to do need not wait for it
    timer.unref();
  });
