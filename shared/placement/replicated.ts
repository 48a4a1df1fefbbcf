/**
 * Rows that have a primary and a replica behind it, as one store. Writes go to the primary only. Reads go to the primary, and
 * when it is away to the replica:
 *
 *   closed  The primary is asked, and given up once its part of the request's time is over and nothing was heard of it for
 *           the second half of that. One that answers others meanwhile is slow, and keeps the whole time: its answer is worth
 *           more than a replica's. What it answers is the answer; "busy", too.
 *   open    The breaker says that the primary is away: the replica is asked at once. So is the primary, of which the breaker
 *           lets one call a second through; should it answer first, it is back.
 *
 * A request that has read from the replica once does so for all that follows in it: it would wait again otherwise.
 */
import { err, ok, type Result } from "neverthrow";
import { type RepositoryError, tooLate } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import type { ReadStore, Store } from "../repository/store.ts";
import type { Breaker } from "./breaker.ts";
import { type Patience, patiently } from "./patiently.ts";
import type { ReadSources } from "./read-sources.ts";
import { replicaAnswers } from "./replica-answers.ts";
import type { ReadPlace } from "./service.ts";
import { withFallback } from "./with-fallback.ts";

export interface ReplicatedOptions extends Patience {
  /** of `switchyard.databases`, and as messages call it */
  primary: { name: string; title: string };
  breaker: Pick<Breaker, "isOpen" | "heard">;
  /** the caller's rows in the replica; absent: there is none, or it is not to be read */
  replica?: ReadStore | undefined;
  completeUpTo: () => Promise<Date | null>;
  reads: ReadPlace;
  sources: ReadSources;
  log: Log;
}

type Ask<T> = (store: ReadStore) => Answer<T>;

export function createReplicatedStore(options: ReplicatedOptions): Store {
  const { open, replica, reads, sources, primary, breaker, log } = options;
  const written = open();

  const read = async <T>(collection: Collection, operation: string, ask: Ask<T>): Answer<T> => {
    // what decides about a write is not what the answer shows
    if (reads === "primary") return ask(written);
    const begun = sources.lastOf(primary.name);
    const mayFallBack = replica !== undefined && !(reads === "as-begun" && begun === "primary");
    const answer = mayFallBack
      ? await withFallback(
          async () => (begun === "replica" ? err(tooLate()) : ofPrimary(await patiently(options, ask))),
          () => ofReplica(options, replica, ask),
          operation,
          {
            log,
            fields: { collection: collection.name, database: primary.name },
            isAway: begun !== "replica" && breaker.isOpen(),
          },
        )
      : ofPrimary(await ask(written));
    if (answer.isErr()) {
      if (answer.error.kind !== "unavailable") sources.fromPrimary(primary.name);
      return err(answer.error);
    }
    const { value, upTo } = answer.value;
    if (upTo === undefined) sources.fromPrimary(primary.name);
    else sources.fromReplica(primary.name, upTo);
    return ok(value);
  };

  return {
    create: (...given) => written.create(...given),
    update: (...given) => written.update(...given),
    delete: (...given) => written.delete(...given),
    get: (collection, id) => read(collection, "get", (store) => store.get(collection, id)),
    list: (collection, page) => read(collection, "list", (store) => store.list(collection, page)),
    count: (collection, selected) => read(collection, "count", (store) => store.count(collection, selected)),
    group: (collection, grouping) => read(collection, "summarize", (store) => store.group(collection, grouping)),
  };
}

/** `upTo`: of a replica's answer only. */
interface Found<T> {
  value: T;
  upTo?: Date | null;
}

const ofPrimary = <T>(answer: Result<T, RepositoryError>): Result<Found<T>, RepositoryError> =>
  answer.map((value) => ({ value }));

async function ofReplica<T>(
  { completeUpTo, primary }: ReplicatedOptions,
  replica: ReadStore,
  ask: Ask<T>,
): Answer<Found<T>> {
  const upTo = await completeUpTo();
  return (await ask(replicaAnswers(replica, upTo, primary.title))).map((value) => ({ value, upTo }));
}
