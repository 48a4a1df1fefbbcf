/**
 * Copies until nothing has come for a moment. Who writes wakes this once a second at most; one of those who were woken stays, and
 * takes what comes a tenth of a second later at most.
 */
import { err, ok, type Result } from "neverthrow";

const POLL_MS = 100;
/** Longer than from one wake-up to the next. */
const IDLE_MS = 1_200;

export interface WhileBusyOptions<T, E> {
  run: (leftMs: number) => Promise<Result<T, E>>;
  /** whether it has found something to do */
  isBusy: (report: T) => boolean;
  /** two runs together */
  add: (one: T, other: T) => T;
  /** whether nobody else stays for that time, in milliseconds */
  attend: (ms: number) => Promise<Result<boolean, E>>;
  /** no run is begun after that time, in milliseconds */
  timeoutMs: number;
  /** milliseconds, of any beginning */
  clock: () => number;
  wait?: ((ms: number) => Promise<void>) | undefined;
}

/** All runs together. The first that fails ends it: whoever is woken next tries again. */
export async function whileBusy<T, E>(options: WhileBusyOptions<T, E>): Promise<Result<T, E>> {
  const {
    run,
    isBusy,
    add,
    attend,
    timeoutMs,
    clock,
    wait = (ms) => new Promise((done) => setTimeout(done, ms)),
  } = options;
  const begun = clock();
  const left = () => timeoutMs - (clock() - begun);
  const first = await run(timeoutMs);
  // one that had nothing to do is not needed
  if (first.isErr() || !isBusy(first.value) || left() <= 0) return first;
  const isAlone = await attend(left());
  if (isAlone.isErr()) return err(isAlone.error);
  if (!isAlone.value) return first;
  let total = first.value;
  for (let busyAt = clock(); clock() - busyAt < IDLE_MS && left() > POLL_MS; ) {
    await wait(POLL_MS);
    const next = await run(left());
    if (next.isErr()) return next;
    if (isBusy(next.value)) busyAt = clock();
    total = add(total, next.value);
  }
  return ok(total);
}
