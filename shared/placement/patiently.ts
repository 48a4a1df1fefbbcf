/** A call of a primary that has another database behind it: it gets a part of the request's time, and no more unless it is alive. */
import { err } from "neverthrow";
import { tooLate } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import type { Store } from "../repository/store.ts";
import type { Breaker } from "./breaker.ts";
import { TIME_IS_UP } from "./deadline.ts";

export interface Patience {
  breaker: Pick<Breaker, "heard">;
  /** the caller's rows there; calls are given up when the signal aborts, and at the request's own deadline */
  open: (signal?: AbortSignal) => Store;
  /** what the primary may take of the request's time, in milliseconds */
  primaryMs: number;
}

/**
 * The primary's answer; `unavailable` once its part of the time is over and nothing was heard of it for the second half of that.
 * One that answers others meanwhile is slow, and keeps the whole time.
 */
export async function patiently<T>(
  { open, breaker, primaryMs }: Patience,
  ask: (store: Store) => Answer<T>,
): Answer<T> {
  const giveUp = new AbortController();
  let heard = breaker.heard();
  const half = setTimeout(() => {
    heard = breaker.heard();
  }, primaryMs / 2);
  const end = setTimeout(() => {
    if (breaker.heard() === heard) giveUp.abort(TIME_IS_UP);
  }, primaryMs);
  // a process with nothing else to do need not wait for them
  for (const timer of [half, end]) timer.unref();
  try {
    const answer = await ask(open(giveUp.signal));
    // "busy" it is called when others were answered since this call began, which may have been before it fell silent
    const isGivenUp = giveUp.signal.aborted && answer.isErr() && answer.error.kind === "unavailable";
    return isGivenUp ? err(tooLate(TIME_IS_UP)) : answer;
  } finally {
    clearTimeout(half);
    clearTimeout(end);
  }
}
