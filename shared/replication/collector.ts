/**
 * Brings to Postgres what was written in MongoDB: read what is unsent, have it merged, clear. Postgres alone decides where both
 * have changed a row, and its answer comes back as a mark like any other change (worker.ts). Every step can be repeated, and
 * any number may be at work at once: what Postgres has it calls stale.
 */
import type { AnyBulkWriteOperation, Document } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import type { Log } from "../log.ts";
import { uuidText } from "../mongo/documents.ts";
import { attempt } from "../mongo/failures.ts";
import { addCounts } from "./counts.ts";
import { databaseOf, type MongoSide } from "./mongo-side.ts";
import { sendRows } from "./send.ts";
import type { MergeSource, Taken } from "./source.ts";
import { cleared, failed, isDue, isUnfinished, putOff, readDue } from "./unsent.ts";

/** Between which two steps of a batch a collector is: each is durable. */
export type CollectorStep = "read" | "merged" | "cleared";

export interface CollectorOptions {
  source: MergeSource;
  mongo: MongoSide;
  /** those that both databases take writes of */
  collections: readonly Collection[];
  /** those of which the copy was made writable (promotion.ts), asked for with each batch */
  promoted?: () => Promise<readonly Collection[]>;
  log: Log;
  /** milliseconds since 1970 */
  now?: () => number;
  /** milliseconds, of any beginning */
  clock?: () => number;
  /** documents of a collection that are read at once */
  limit?: number;
  /** called after each step; tests end the process there */
  at?: (step: CollectorStep) => Promise<void> | void;
}

/** Numbers of documents. */
export interface CollectReport {
  /** Postgres has them as they are */
  sent: number;
  /** both had changed them; what Postgres has made of that is on its way back */
  merged: number;
  /** Postgres had them already */
  stale: number;
  waiting: number;
  refused: number;
  /** nothing is left that is due */
  isDrained: boolean;
}

export interface Collector {
  /** Whether something is due. Errors: those of MongoDB. */
  isPending(): Promise<Result<boolean, RepositoryError>>;
  /** One batch of each collection. Errors: those of Postgres, which put no row at fault, and of MongoDB. */
  collectBatch(): Promise<Result<CollectReport, RepositoryError>>;
  /** Until nothing is left, or that time is over (milliseconds). */
  run(timeoutMs?: number): Promise<Result<CollectReport, RepositoryError>>;
}

/** Between the clocks of those who write in MongoDB: what was written before now by one of them may say that it is later. */
const CLOCKS_APART_MS = 1_000;
const NONE: CollectReport = { sent: 0, merged: 0, stale: 0, waiting: 0, refused: 0, isDrained: true };

export function createCollector(options: CollectorOptions): Collector {
  const { source, mongo, collections, log, now = Date.now, clock = () => performance.now() } = options;
  const { limit = 500, at = () => {}, promoted = async () => [] } = options;

  const collect = async (collection: Collection): Promise<CollectReport> => {
    const documents = databaseOf(mongo, collection).collection(collection.name);
    const readAt = now();
    const due = await readDue(documents, readAt, limit);
    const isDrained = due.length < limit;
    await at("read");
    // who fails, and is tried again later, is not there either
    const isComplete = isDrained && !(await isUnfinished(documents, readAt));
    const completeUpTo = isComplete ? new Date(readAt - CLOCKS_APART_MS) : null;
    // of what comes from its copy alone nobody asks up to when it is complete
    if (due.length === 0 && !isTwoWay(collection)) return { ...NONE, isDrained };
    const outcomes = await sendRows(source, collection, due, completeUpTo);
    await at("merged");
    const report = { ...NONE, isDrained };
    const writes: AnyBulkWriteOperation<Document>[] = [];
    for (const [n, document] of due.entries()) {
      const { is, error = "" } = outcomes[n] as Taken;
      report[is === "applied" ? "sent" : is]++;
      if (is === "waiting") writes.push(putOff(document, error, now()));
      else if (is === "refused") writes.push(failed(document, error, now()));
      else writes.push(cleared(document, now()));
      if (is === "refused")
        log.warn("replication_refused", { collection: collection.name, id: uuidText(document._id), error });
    }
    const changed = writes.length === 0 ? 0 : (await documents.bulkWrite(writes, { ordered: false })).modifiedCount;
    // nothing could be cleared, and reading again would find the same
    if (changed === 0) report.isDrained = true;
    await at("cleared");
    if (due.length > 0)
      log.info("collected", { collection: collection.name, ...report, waited_ms: longestWait(due, now()) });
    return report;
  };

  const collectBatch = async (): Promise<Result<CollectReport, RepositoryError>> => {
    const total = { ...NONE };
    const others = await attempt(async () => ok(await promoted()));
    if (others.isErr()) return err(others.error);
    for (const collection of [...collections, ...others.value]) {
      const collected = await attempt(async () => ok(await collect(collection)));
      if (collected.isErr()) {
        log.warn("replication_waits", { collection: collection.name, error: collected.error });
        return err(collected.error);
      }
      const isDrained = total.isDrained && collected.value.isDrained;
      addCounts(total, collected.value);
      total.isDrained = isDrained;
    }
    return ok(total);
  };

  return {
    isPending: () =>
      attempt(async () => {
        for (const { name } of collections) if (await isDue(mongo.home().collection(name), now())) return ok(true);
        return ok(false);
      }),
    collectBatch,
    async run(timeoutMs = Number.POSITIVE_INFINITY) {
      const until = clock() + timeoutMs;
      const total = { ...NONE };
      for (;;) {
        const batch = await collectBatch();
        if (batch.isErr()) return err(batch.error);
        addCounts(total, batch.value);
        if (total.isDrained || clock() >= until) return ok(total);
      }
    },
  };
}

/** Of those, the one that has waited longest, by the clock of whoever wrote it. */
const longestWait = (due: readonly Document[], nowMs: number): number =>
  due.reduce((most, { _dirty }) => Math.max(most, nowMs - Number(_dirty?.since ?? nowMs)), 0);
