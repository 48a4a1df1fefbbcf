/**
 * A circuit breaker per database. It counts calls that the database did not answer, and nothing that a caller can
 * cause, contention ("busy") among it. Closed: calls go through. After `FAILURES` in a row it opens: calls are refused at once and the database gets
 * none. After `HALF_OPEN_MS` one call is let through as a probe while all others are still refused; its outcome closes
 * the breaker or opens it again. A database that returns is in use again within that time, one call's deadline and one
 * look at its health: less than 5 s.
 */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhenResult, isBrokenCircuitError } from "cockatiel";
import { type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Log } from "../log.ts";

export const FAILURES = 5;
export const HALF_OPEN_MS = 1_000;

/** Whether the database answered, be it with a refusal. */
export type Outcome = "answered" | "down";

export interface Breaker {
  /** Runs the call; or does not, and says why. */
  run(call: () => Promise<Outcome>): Promise<RepositoryError | undefined>;
  /** True while calls are refused. */
  isOpen(): boolean;
  /** To be told of each answer of the database, be it a refusal or too late for its caller. */
  hear(): void;
  /** How many answers there have been: one more than before, and the database answered meanwhile. */
  heard(): number;
}

/** `onClose` is told when a database is back. */
export function createBreaker(name: string, log: Log, onClose: () => void = () => {}): Breaker {
  const policy = circuitBreaker(
    handleWhenResult((outcome) => outcome === "down"),
    { halfOpenAfter: HALF_OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES) },
  );
  // once for each outage: a probe that fails breaks the circuit again, every second
  let isOut = false;
  policy.onBreak(() => {
    if (!isOut) log.warn("breaker_open", { database: name });
    isOut = true;
  });
  policy.onReset(() => {
    isOut = false;
    log.info("breaker_closed", { database: name });
    onClose();
  });
  let answers = 0;
  const refused = (): RepositoryError => ({
    ...unavailable(`The database that holds these records (${name}) does not answer at the moment.`),
    retryAfterSeconds: Math.ceil(HALF_OPEN_MS / 1000),
  });

  return {
    isOpen: () => policy.state !== CircuitState.Closed,
    hear: () => void answers++,
    heard: () => answers,
    async run(call) {
      // cockatiel lets callers wait for the probe's outcome; a caller with a deadline is better served by an answer now
      if (policy.state === CircuitState.HalfOpen) return refused();
      try {
        await policy.execute(call);
        return undefined;
      } catch (error) {
        if (isBrokenCircuitError(error)) return refused();
        throw error;
      }
    },
  };
}

/** One for each database, made when it is first asked for; `onClose` is told when one is back. */
export function createBreakers(log: Log, onClose?: () => void): (name: string) => Breaker {
  const made = new Map<string, Breaker>();
  return (name) => {
    const breaker = made.get(name) ?? createBreaker(name, log, onClose);
    made.set(name, breaker);
    return breaker;
  };
}

/** Of what cannot be called at all. */
export const refusing = (error: RepositoryError): Breaker => ({
  run: async () => error,
  isOpen: () => true,
  hear: () => {},
  heard: () => 0,
});
