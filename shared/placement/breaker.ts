/**
 * A circuit breaker per database. It counts calls that the database did not answer (`unavailable`), and nothing that a
 * caller can cause. Closed: calls go through. After `FAILURES` in a row it opens: calls are refused at once and the
 * database gets none. After `HALF_OPEN_MS` one call is let through as a probe while all others are still refused; its
 * outcome closes the breaker or opens it again. So service returns within that time and one call of the database's return.
 */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhenResult, isBrokenCircuitError } from "cockatiel";
import { err, type Result } from "neverthrow";
import { type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Log } from "../log.ts";

export const FAILURES = 5;
export const HALF_OPEN_MS = 2_000;

export interface Breaker {
  /** Runs the call, or answers `unavailable` without running it. */
  run<T>(call: () => Promise<Result<T, RepositoryError>>): Promise<Result<T, RepositoryError>>;
  /** True while calls are refused. */
  isOpen(): boolean;
}

const isDown = (result: unknown): boolean => {
  const answer = result as Result<unknown, RepositoryError>;
  return answer.isErr() && answer.error.code === "unavailable";
};

export function createBreaker(name: string, log: Log): Breaker {
  const policy = circuitBreaker(handleWhenResult(isDown), {
    halfOpenAfter: HALF_OPEN_MS,
    breaker: new ConsecutiveBreaker(FAILURES),
  });
  policy.onBreak(() => log.warn("breaker_open", { database: name }));
  policy.onReset(() => log.info("breaker_closed", { database: name }));
  const refused = () =>
    err({
      ...unavailable(`The database that holds these records (${name}) does not answer at the moment.`),
      retryAfterSeconds: Math.ceil(HALF_OPEN_MS / 1000),
    });

  return {
    isOpen: () => policy.state !== CircuitState.Closed,
    async run(call) {
      // cockatiel lets callers wait for the probe's outcome; a caller with a deadline is better served by an answer now
      if (policy.state === CircuitState.HalfOpen) return refused();
      try {
        return await policy.execute(call);
      } catch (error) {
        if (isBrokenCircuitError(error)) return refused();
        throw error;
      }
    },
  };
}
