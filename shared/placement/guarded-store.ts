/** A store behind a breaker and a deadline: the same interface, and always an answer in time. */
import { err, type Result } from "neverthrow";
import { busy, type RepositoryError, tooLate } from "../contract/errors.ts";
import { everyCall, everyRead } from "../repository/every-call.ts";
import type { ReadStore, Store } from "../repository/store.ts";
import type { Breaker, Outcome } from "./breaker.ts";

export interface Guard {
  breaker: Breaker;
  /** ends the wait; the driver's own time-outs end the call */
  signal: AbortSignal;
  /**
   * Asked after a call that was not heard of in time while no other was, either: a slow query, or a pool that is full of
   * them, says nothing about the database; one that hangs does
   */
  answers: () => Promise<boolean>;
  /** told how long each call took, in milliseconds */
  onCall?: ((ms: number) => void) | undefined;
  clock: () => number;
}

type Open<S> = () => Promise<Result<S, RepositoryError>>;
type Call<T> = () => Promise<Result<T, RepositoryError>>;

/** `open` is asked at every call: what is behind it may be replaced between two. */
export const guardStore = (open: Open<Store>, guard: Guard): Store =>
  everyCall((call) => guarded(guard, () => callOpened(open, guard, call)));

/** The same of a store that only reads. */
export const guardReads = (open: Open<ReadStore>, guard: Guard): ReadStore =>
  everyRead((call) => guarded(guard, () => callOpened(open, guard, call)));

async function callOpened<T, S>(open: Open<S>, { signal }: Guard, call: (store: S) => ReturnType<Call<T>>) {
  const store = await open();
  if (store.isErr()) return err(store.error);
  // the caller has been told that it was too late: nothing may be written after that
  return signal.aborted ? err(tooLate(signal.reason)) : call(store.value);
}

/** One call through the breaker, given up at the deadline. */
export function guarded<T>({ breaker, signal, answers, onCall, clock }: Guard, call: Call<T>): ReturnType<Call<T>> {
  if (signal.aborted) return Promise.resolve(err(tooLate(signal.reason)));
  const start = clock();
  const before = breaker.heard();
  return new Promise((resolve, reject) => {
    let result: Result<T, RepositoryError> | undefined;
    const run = async (): Promise<Outcome> => {
      const heard = async () => {
        const answer = await call();
        if (isAnswer(answer)) breaker.hear();
        return answer;
      };
      result = await untilAborted(heard, signal);
      onCall?.(clock() - start);
      if (isAnswer(result)) return "answered";
      if (result.isErr() && !result.error.isUnheard && !signal.aborted) return "down";
      if (breaker.heard() !== before) {
        // it answers others, so this call has waited behind them
        result = err(busy("The database had too much to do to answer in time. Try again.", signal.reason));
        return "answered";
      }
      resolve(result); // the caller does not wait for the look at the database's health
      // one who has answered while that was found out is back: what was sent to it before says nothing any more
      return (await answers()) || breaker.heard() !== before ? "answered" : "down";
    };
    breaker.run(run).then((refused) => {
      if (refused) resolve(err(refused));
      else if (result) resolve(result);
    }, reject);
  });
}

/** Whether the database itself has said that, be it a refusal. */
const isAnswer = (result: Result<unknown, RepositoryError>): boolean =>
  result.isOk() ||
  result.error.kind !== "unavailable" ||
  (result.error.code !== "unavailable" && !result.error.isUnheard);

function untilAborted<T>(call: Call<T>, signal: AbortSignal): ReturnType<Call<T>> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(err(tooLate(signal.reason)));
    signal.addEventListener("abort", giveUp, { once: true });
    call()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", giveUp));
  });
}
