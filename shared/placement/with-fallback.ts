/**
 * An operation with another one behind it. What is called away is a database that does not answer (`unavailable`); one that
 * is busy, throttled or misconfigured answers, and so does one that says that there is no such record.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import { createLog, type Log } from "../log.ts";

export interface FallbackOptions {
  /** one line for each fallback; by default on the console */
  log?: Log;
  /** more that this line says */
  fields?: Readonly<Record<string, unknown>>;
  /**
   * The primary is known to be away: both are run at once, and what is first to know is the answer. The primary is asked all
   * the same, because a call is how it is noticed that it is back.
   */
  isAway?: boolean;
}

const isAway = (answer: Result<unknown, RepositoryError>): boolean =>
  answer.isErr() && answer.error.code === "unavailable";

/**
 * What `primary` answers, or, when its database is away, what `fallback` does; which is named `name` in the log. Errors: those
 * of the one that was asked last. Only for what may be done twice: an operation whose answer was lost may have been done. What
 * either throws is thrown.
 */
export async function withFallback<T>(
  primary: () => Answer<T>,
  fallback: () => Answer<T>,
  name: string,
  options: FallbackOptions = {},
): Answer<T> {
  const { log = createLog({ level: "info" }), fields = {} } = options;
  const asked = primary();
  const told = (reason: string) => log.info("fallback", { ...fields, operation: name, reason });
  if (!options.isAway) {
    const answer = await asked;
    if (!isAway(answer)) return answer;
    told(reasonOf(answer));
    return fallback();
  }
  const instead = fallback();
  const first = await firstToKnow(asked, instead);
  if (first?.of !== asked) told("its breaker is open");
  return first?.answer ?? instead;
}

/** `withFallback` by the name that says which is which, for applications that have MongoDB first. */
export const withMongoFallback = <T>(
  mongodb: () => Answer<T>,
  postgresql: () => Answer<T>,
  name: string,
  options?: FallbackOptions,
): Answer<T> => withFallback(mongodb, postgresql, name, options);

/** Undefined when all say that their database is away. */
async function firstToKnow<T>(...all: Answer<T>[]) {
  const known = all.map(async (of) => {
    const answer = await of;
    if (isAway(answer)) throw new Error("does not know");
    return { of, answer };
  });
  const found = await Promise.any(known).catch(() => undefined);
  // what was thrown is a bug, and not to be hidden
  return found ?? void (await Promise.all(all));
}

const reasonOf = (answer: Result<unknown, RepositoryError>): string => (answer.isErr() ? answer.error.message : "");
