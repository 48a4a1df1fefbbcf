/** One change made in both databases, by an application that keeps something in both itself. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import { createLog, type Log } from "../log.ts";

export interface BothAnswers<A, B> {
  mongodb: Result<A, RepositoryError>;
  postgresql: Result<B, RepositoryError>;
  /** the sides that failed; empty when both have done it */
  failed: readonly ("mongodb" | "postgresql")[];
}

/** One side threw, which is a bug; the message says what became of the other. `errors`: what was thrown. */
export class SideThrew extends AggregateError {
  override name = "SideThrew";
}

/**
 * Runs both at once and answers with what each has said, whatever the other did: the caller decides what follows from one that
 * failed, which may have been done all the same where it is `unavailable`. A line of the log names the operation and the side.
 * Throws `SideThrew`, once both have ended.
 */
export async function syncToBothDatabases<A, B>(
  mongodb: () => Answer<A>,
  postgresql: () => Answer<B>,
  name: string,
  { log = createLog({ level: "info" }) }: { log?: Log } = {},
): Promise<BothAnswers<A, B>> {
  const [first, second] = await Promise.allSettled([begin(mongodb), begin(postgresql)]);
  if (first.status === "rejected" || second.status === "rejected") {
    const said = `${name}: MongoDB ${wordOf(first)}, Postgres ${wordOf(second)}`;
    const errors = [first, second].flatMap((side) => (side.status === "rejected" ? [side.reason] : []));
    log.error("sync_failed", { operation: name, error: new Error(said) });
    throw new SideThrew(errors, said);
  }
  const sides = { mongodb: first.value, postgresql: second.value };
  const failed = (["mongodb", "postgresql"] as const).filter((side) => sides[side].isErr());
  for (const side of failed) {
    const reason = sides[side].isErr() ? sides[side].error.message : "";
    log.warn("sync_failed", { operation: name, side, reason });
  }
  return { ...sides, failed };
}

/** What is thrown before there is a promise is that side's, too. */
const begin = async <T>(call: () => Answer<T>): Answer<T> => call();

const wordOf = (side: PromiseSettledResult<Result<unknown, RepositoryError>>): string => {
  if (side.status === "rejected") return `threw (${side.reason})`;
  return side.value.isOk() ? "did it" : `failed (${side.value.error.message})`;
};
