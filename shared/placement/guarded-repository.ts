/** A repository behind a breaker and a deadline: the same contract, and always an answer in time. */
import { err, type Result } from "neverthrow";
import { type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Repository } from "../contract/repository.ts";
import type { Breaker } from "./breaker.ts";

export interface Guard {
  breaker: Breaker;
  /** ends the wait; the driver's own time-outs end the call */
  signal: AbortSignal;
  /** told how long each call took, in milliseconds */
  onCall?: ((ms: number) => void) | undefined;
  clock: () => number;
}

type Call<T> = () => Promise<Result<T, RepositoryError>>;

export function guardRepository<R, C, P>(inner: Repository<R, C, P>, guard: Guard): Repository<R, C, P> {
  const run = <T>(call: Call<T>) => guarded(guard, call);
  return {
    create: (input, options) => run(() => inner.create(input, options)),
    get: (id) => run(() => inner.get(id)),
    list: (query) => run(() => inner.list(query)),
    update: (id, patch, options) => run(() => inner.update(id, patch, options)),
    delete: (id, options) => run(() => inner.delete(id, options)),
    count: (selection) => run(() => inner.count(selection)),
    summarize: (query) => run(() => inner.summarize(query)),
  };
}

/** One call through the breaker, given up at the deadline. */
export async function guarded<T>({ breaker, signal, onCall, clock }: Guard, call: Call<T>): ReturnType<Call<T>> {
  const start = clock();
  const result = await breaker.run(() => untilAborted(call, signal));
  onCall?.(clock() - start);
  return result;
}

function untilAborted<T>(call: Call<T>, signal: AbortSignal): ReturnType<Call<T>> {
  return new Promise((resolve, reject) => {
    const tooLate = () => resolve(err(unavailable("The database did not answer in time.", signal.reason)));
    if (signal.aborted) return tooLate();
    signal.addEventListener("abort", tooLate, { once: true });
    call()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", tooLate));
  });
}
