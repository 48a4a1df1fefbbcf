/**
 * Rows that have their primary in one database and a second behind it that takes writes, too, while the primary is away. What it
 * has taken is brought to the primary afterwards (shared/replication), and until then both are read.
 *
 * reads   The primary's, with what only the other one has merged in. When the primary is away, the other's, brought up before as
 *         far as anybody can, and with the limits of a copy (replica-answers.ts).
 * create  The id is made above, so that one that timed out after it was done and is made again elsewhere is one record.
 * update, delete  One whose outcome is unknown is not tried elsewhere: whoever waits for it is told to come again. Once the breaker
 *         says that the primary is away it goes to the other, if that has what the caller has seen.
 *
 * What is written behind the primary is answered once every instance knows that there is something (fallback-state.ts); and
 * what is written in the primary, while another instance reads behind it, once it is copied there: one that has not noticed yet
 * that the primary is back would miss it otherwise (seen).
 */
import { err, ok, type Result } from "neverthrow";
import { busy, type RepositoryError, tooLate, unavailable } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import type { ReadStore, Row, Store } from "../repository/store.ts";
import type { Breaker } from "./breaker.ts";
import type { CatchUp } from "./catch-up.ts";
import type { FallbackState } from "./fallback-state.ts";
import { mergePages, newer } from "./merge-rows.ts";
import { type Patience, patiently } from "./patiently.ts";
import type { ReadSources } from "./read-sources.ts";
import { replicaAnswers } from "./replica-answers.ts";
import type { ReadPlace } from "./service.ts";
import { withFallback } from "./with-fallback.ts";

export interface TwoWayOptions extends Patience {
  /** of `switchyard.databases`, and as messages call it */
  primary: { name: string; title: string };
  breaker: Pick<Breaker, "isOpen" | "heard">;
  /** the caller's rows in the database behind it */
  behind: Store;
  state: FallbackState;
  /** has what only the primary has brought to the one behind it, or the other way round, as far as that can be done now */
  catchUp: CatchUp;
  /** `primary`: nothing that may lack what was written last is an answer, be it the whole that a file promises */
  reads?: ReadPlace;
  sources: ReadSources;
  log: Log;
}

type Ask<T> = (store: ReadStore) => Answer<T>;
type Write<T> = (store: Store) => Answer<T>;

export function createTwoWayStore(options: TwoWayOptions): Store {
  const { behind, state, catchUp, sources, primary, breaker, log, reads = "anywhere" } = options;
  const hasFallenBack = () => sources.lastOf(primary.name) === "replica";
  const fieldsOf = ({ name }: Collection) => ({ collection: name, database: primary.name });

  const fromBehind = async <T>(ask: Ask<T>): Answer<T> => {
    const { known, knownToAllAt } = await state.readBehind();
    // that nobody can copy is believed once all know: what they wrote before may have been answered without
    await catchUp(knownToAllAt);
    const upTo = known?.completeUpTo ?? null;
    if (!upTo && !known?.isOn)
      return err(unavailable(`${primary.title} does not answer, and nothing of it has been copied yet.`));
    const answer = await ask(replicaAnswers(behind, upTo, primary.title));
    if (answer.isOk()) sources.fromReplica(primary.name, upTo);
    return answer;
  };

  /** What both have, or nothing: each may have what the other lacks. */
  const whole = async <T>(ask: Ask<T>, merge: Merge<T>): Answer<T> => {
    const known = await state.read();
    if (!known) return err(unavailable("It cannot be found out at the moment whether all of these records are here."));
    if (!known.isPending) return ask(options.open());
    const [mine, theirs] = await Promise.all([ask(options.open()), ask(behind)]);
    return theirs.isErr() && theirs.error.kind !== "not_found" ? theirs : merge(mine, theirs);
  };

  const read = async <T>(collection: Collection, operation: string, ask: Ask<T>, merge: Merge<T>): Answer<T> => {
    if (reads === "primary") return whole(ask, merge);
    const isAway = breaker.isOpen();
    const ofPrimary = async (): Answer<T> => {
      if (hasFallenBack()) return err(tooLate());
      const isPending = (await state.read())?.isPending ?? false;
      const asked = patiently(options, ask);
      const answer = isPending ? await both(asked, ask(behind), merge) : await asked;
      if (answer.isOk() || answer.error.kind !== "unavailable") sources.fromPrimary(primary.name);
      return answer;
    };
    return withFallback(ofPrimary, () => fromBehind(ask), operation, { log, fields: fieldsOf(collection), isAway });
  };

  /** What the other one refuses because it has not seen everything is no answer. */
  const judged = async <T>(
    collection: Collection,
    id: string,
    answer: Result<T, RepositoryError>,
    expected?: number,
  ): Answer<T> => {
    if (answer.isOk() || !["not_found", "version_mismatch"].includes(answer.error.code)) return answer;
    const there = await behind.get(collection, id);
    const hasSeen = there.isOk() && expected !== undefined && Number(there.value.version) > expected;
    return hasSeen ? answer : err(unavailable(`${primary.title} does not answer, and its copy does not know this.`));
  };

  /** A write in the primary, which is done once whoever reads behind it would see it, too. */
  const inPrimary = async <T>(write: Write<T>): Answer<T> => {
    // meanwhile
    void state.readWriting();
    const answer = await patiently(options, write);
    if (answer.isOk() && (await state.read())?.isReadHere) await catchUp(Number.POSITIVE_INFINITY);
    return answer;
  };

  const writeBehind = async <T>(write: Write<T>): Answer<T> => {
    if (!(await state.read())?.isOn)
      return err(
        unavailable(`${primary.title} does not answer, and nothing would bring to it what is written meanwhile.`),
      );
    const answer = await write(behind);
    if (answer.isErr()) return answer;
    sources.fromReplica(primary.name, null);
    await state.announce();
    return answer;
  };

  /** With the breaker open a write is no way to find out whether the primary is back: it would be done there or here. */
  const probe = (collection: Collection, id: string) => {
    if (breaker.isOpen()) void options.open().get(collection, id);
  };

  /** A change of what is there. */
  const change = async <T>(
    collection: Collection,
    { id, operation, expected }: { id: string; operation: string; expected: number | undefined },
    write: Write<T>,
  ): Answer<T> => {
    if (breaker.isOpen() || hasFallenBack()) {
      probe(collection, id);
      log.info("fallback", { ...fieldsOf(collection), operation, reason: "its breaker is open" });
      return writeBehind(async (store) => judged(collection, id, await write(store), expected));
    }
    const asked = () => inPrimary(write);
    const answer = await asked();
    if (answer.isOk() || !["not_found", "version_mismatch"].includes(answer.error.code)) return answer;
    // the caller may have read what is still on its way here
    if (!(await state.read())?.isPending) return answer;
    await catchUp();
    const again = await asked();
    const isSame = again.isErr() && again.error.code === answer.error.code;
    return isSame && (await state.read())?.isPending
      ? err(busy("This record is on its way from another database. Try again."))
      : again;
  };

  return {
    create: async (collection, id, values, hash) => {
      const write: Write<Row> = (store) => store.create(collection, id, values, hash);
      if (!(breaker.isOpen() || hasFallenBack()))
        return withFallback(
          () => inPrimary(write),
          () => writeBehind(write),
          "create",
          {
            log,
            fields: fieldsOf(collection),
          },
        );
      probe(collection, id);
      log.info("fallback", { ...fieldsOf(collection), operation: "create", reason: "its breaker is open" });
      return writeBehind(write);
    },
    update: (collection, id, changes, expected) =>
      change(collection, { id, operation: "update", expected }, (store) =>
        store.update(collection, id, changes, expected),
      ),
    delete: (collection, id, expected) =>
      change(collection, { id, operation: "delete", expected }, (store) => store.delete(collection, id, expected)),
    get: (collection, id) => read(collection, "get", (store) => store.get(collection, id), eitherOf(newer)),
    list: (collection, page) =>
      read(
        collection,
        "list",
        (store) => store.list(collection, page),
        eitherOf((mine, theirs) => mergePages(collection, page.order, page.limit, [mine, theirs])),
      ),
    // what both have cannot be told from numbers: for the seconds until it is copied they are the primary's
    count: (collection, selected) => read(collection, "count", (store) => store.count(collection, selected), primarys),
    group: (collection, grouping) =>
      read(collection, "summarize", (store) => store.group(collection, grouping), primarys),
  };
}

type Merge<T> = (mine: Result<T, RepositoryError>, theirs: Result<T, RepositoryError>) => Result<T, RepositoryError>;

const primarys = <T>(mine: T): T => mine;

/** What one of them has; both, as `merge` says. One that does not answer leaves the other's. */
const eitherOf =
  <T>(merge: (mine: T, theirs: T) => T): Merge<T> =>
  (mine, theirs) => {
    if (mine.isOk() && theirs.isOk()) return ok(merge(mine.value, theirs.value));
    return mine.isErr() && mine.error.kind === "not_found" ? theirs : mine;
  };

async function both<T>(asked: Answer<T>, instead: Answer<T>, merge: Merge<T>): Answer<T> {
  const [mine, theirs] = await Promise.all([asked, instead]);
  return merge(mine, theirs);
}
