/** One call for each of many, a few at a time. */
import { err, ok } from "neverthrow";
import type { RepositoryError } from "../shared/contract/errors.ts";
import type { Answer } from "../shared/contract/repository.ts";

/** What a pool of connections bears beside everybody else's requests. */
const AT_ONCE = 8;

/** The answers in order; the first error, after which nothing new is begun. */
export async function eachOf<T, R>(items: readonly T[], call: (item: T) => Answer<R>): Answer<R[]> {
  const answers = new Array<R>(items.length);
  let failure: RepositoryError | undefined;
  let next = 0;
  const work = async () => {
    while (next < items.length && !failure) {
      const at = next++;
      const answer = await call(items[at] as T);
      if (answer.isErr()) failure ??= answer.error;
      else answers[at] = answer.value;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return failure ? err(failure) : ok(answers);
}
