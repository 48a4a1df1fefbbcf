/** Reason of every deadline; one for all, because its stack says nothing and costs more than the timer. */
export const TIME_IS_UP = new DOMException("The time of this request is over.", "TimeoutError");

/**
 * A signal that aborts after so many milliseconds. Unlike AbortSignal.timeout it makes no error of its own, which that
 * does for each request, also for those long answered by then.
 */
export function deadlineIn(ms: number): AbortSignal {
  const controller = new AbortController();
  if (ms <= 0) controller.abort(TIME_IS_UP);
  // a process with nothing else to do need not wait for it
  else setTimeout(() => controller.abort(TIME_IS_UP), ms).unref();
  return controller.signal;
}
