/**
 * Copies what is marked: claim, apply, settle, until nothing is left. Every step can be repeated: a process that dies
 * leaves its claim to its lease's end, and whoever claims it then sends the rows once more, as they are by then, which the
 * copy takes or knows already. Any number of workers may run at once.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import { attempt } from "../mongo/failures.ts";
import { applyRows, type Outcome } from "./apply.ts";
import { addCounts } from "./counts.ts";
import { databaseOf, type MongoSide } from "./mongo-side.ts";
import type { Claim, ReplicationSource, RowKey, Settlement, SourceRow } from "./source.ts";
import { type ReplicaState, readState, writeState } from "./state.ts";

/** Between which two steps of a batch a worker is: each is durable. */
export type Step = "claimed" | "applied" | "remembered" | "settled";

export interface WorkerOptions {
  source: ReplicationSource;
  mongo: MongoSide;
  collections: readonly Collection[];
  log: Log;
  /** milliseconds, of any beginning */
  clock?: () => number;
  /** milliseconds since 1970 */
  now?: () => number;
  /** marks that are claimed at once */
  limit?: number;
  leaseSeconds?: number;
  /** called after each step; tests end the process there */
  at?: (step: Step) => Promise<void> | void;
}

/** Numbers of rows. */
export interface CopyReport {
  copied: number;
  /** the copy had them already */
  stale: number;
  refused: number;
  /** both databases had changed them: Postgres is to decide */
  concurrent: number;
  /** nothing is left to be claimed by now */
  isDrained: boolean;
}

/** Batches that are under way at once: while one is read, another is written. */
const LANES = 2;
/** Compaction is worth its while where it takes away at least that part of what it looks at. */
const WORTHWHILE = 0.1;
/** How often marks are looked for from the beginning: ones that were committed late are behind those that were claimed. */
const FROM_THE_START_MS = 5_000;

export interface ReplicationWorker {
  /** One claim. Errors: those of the source; `unavailable`, `busy`, `throttled`, `storage_full` and so on of the copy. */
  copyBatch(): Promise<Result<CopyReport, RepositoryError>>;
  /** What is known of the copy is read anew with the next claim. */
  forget(): void;
  /** Until nothing is left, or that time is over (milliseconds). */
  run(timeoutMs?: number): Promise<Result<CopyReport, RepositoryError>>;
}

export function createReplicationWorker(options: WorkerOptions): ReplicationWorker {
  const { source, mongo, collections, log, clock = () => performance.now() } = options;
  const { limit = 1_000, leaseSeconds = 60, now = Date.now, at = () => {} } = options;
  const byName = new Map(collections.map((collection) => [collection.name, collection]));
  let state: ReplicaState | undefined;
  // behind it are marks that were claimed and deleted, which a scan from the start would walk through while an old
  // transaction keeps them from being vacuumed
  let after = 0;
  let startedAt = Number.NEGATIVE_INFINITY;

  const claim = async (): Promise<Result<Claim, RepositoryError>> => {
    if (clock() - startedAt >= FROM_THE_START_MS) {
      after = 0;
      startedAt = clock();
    }
    const newest = state?.newest ?? 0;
    const claimed = await source.claim({ limit, leaseSeconds, newest, after });
    if (claimed.isErr() || claimed.value.marks.length > 0 || after === 0) return claimed;
    after = 0;
    startedAt = clock();
    return source.claim({ limit, leaseSeconds, newest, after });
  };

  const apply = async (rows: readonly SourceRow[]): Promise<Map<SourceRow, Outcome>> => {
    const outcomes = new Map<SourceRow, Outcome>();
    const groups = Map.groupBy(rows, ({ collection }) => collection);
    const applied = [...groups].map(async ([name, group]) => {
      const collection = byName.get(name) as Collection;
      const found = await applyRows(databaseOf(mongo, collection).collection(name), collection, group, now);
      for (const [n, row] of group.entries()) outcomes.set(row, found[n] as Outcome);
    });
    // all have ended before anything is said of them
    const failed = (await Promise.allSettled(applied)).find((each) => each.status === "rejected");
    if (failed) throw failed.reason;
    return outcomes;
  };

  /** Of a row that has many marks one is enough. Looks ahead for as long as that is worth it. */
  const compact = async (): Promise<Result<void, RepositoryError>> => {
    let removed = 0;
    for (let behind: number | null = 0; behind !== null; ) {
      const compacted: Awaited<ReturnType<ReplicationSource["compact"]>> = await source.compact(behind);
      if (compacted.isErr()) return err(compacted.error);
      const { after: next, looked_at: lookedAt, removed: gone } = compacted.value;
      removed += gone;
      behind = gone < WORTHWHILE * lookedAt ? null : next;
    }
    if (removed > 0) log.info("replication_compacted", { removed });
    return ok(undefined);
  };

  const copyBatch = async (): Promise<Result<CopyReport, RepositoryError>> => {
    if (!state) {
      const read = await attempt(async () => ok(await readState(mongo.replica())));
      if (read.isErr()) return err(read.error);
      state = read.value;
    }
    const begin = clock();
    const claimed = await claim();
    if (claimed.isErr()) return err(claimed.error);
    const { marks, retries, rows, claimed_up_to: newest, complete_up_to: completeUpTo } = claimed.value;
    const isDrained = marks.length < limit;
    await at("claimed");
    const seqs = marks.map(({ seq }) => seq);
    const outcomes = await attempt(async () => {
      const applied = await apply(rows);
      await at("applied");
      // the newest first: what was sent is never more than what is known to have been sent
      state = await writeState(mongo.replica(), { newest, completeUpTo: completeUpTo ? new Date(completeUpTo) : null });
      return ok(applied);
    });
    if (outcomes.isErr()) {
      log.warn("replication_waits", { rows: rows.length, error: outcomes.error });
      await source.release(seqs);
      return err(outcomes.error);
    }
    await at("remembered");
    const settlement = settle(claimed.value, outcomes.value);
    if (seqs.length > 0 || retries.length > 0) {
      const settled = await source.settle(settlement);
      if (settled.isErr()) return err(settled.error);
    }
    await at("settled");
    after = Math.max(after, seqs.at(-1) ?? 0);
    const found = [...outcomes.value.values()];
    const count = (is: Outcome["is"]) => found.filter((outcome) => outcome.is === is).length;
    const report = {
      copied: count("applied"),
      stale: count("stale"),
      refused: count("refused"),
      concurrent: count("concurrent"),
      isDrained,
    };
    if (rows.length > 0)
      log.info("replicated", {
        marks: marks.length,
        ...report,
        ...pace(rows.length, clock() - begin),
        collections: [...new Set(rows.map(nameOf))],
      });
    for (const { collection, id, error } of settlement.failed)
      log.warn("replication_refused", { collection, id, error });
    return ok(report);
  };

  return {
    copyBatch,
    forget() {
      state = undefined;
    },
    async run(timeoutMs = Number.POSITIVE_INFINITY) {
      const until = clock() + timeoutMs;
      const total: CopyReport = { copied: 0, stale: 0, refused: 0, concurrent: 0, isDrained: false };
      const next = async (): Promise<Result<CopyReport, RepositoryError>> => {
        const batch = await copyBatch();
        if (batch.isErr()) return batch;
        addCounts(total, batch.value);
        return batch;
      };
      const lane = async (): Promise<Result<boolean, RepositoryError>> => {
        for (;;) {
          const batch = await next();
          if (batch.isErr()) return err(batch.error);
          if (batch.value.isDrained || clock() >= until) return ok(batch.value.isDrained);
        }
      };
      // alone at first: most of the time there is little, or nothing
      const first = await next();
      if (first.isErr()) return err(first.error);
      if (first.value.isDrained || clock() >= until) return ok({ ...total, isDrained: first.value.isDrained });
      const compacted = await compact();
      if (compacted.isErr()) return err(compacted.error);
      // all have ended before anything is said of them
      const ended = await Promise.all(Array.from({ length: LANES }, lane));
      for (const each of ended) if (each.isErr()) return err(each.error);
      return ok({ ...total, isDrained: ended.every((each) => each._unsafeUnwrap()) });
    },
  };
}

/** What a batch took, and how fast they go by that. */
const pace = (rows: number, ms: number) => ({
  ms: Math.round(ms),
  rows_per_second: Math.round((rows * 1_000) / Math.max(1, ms)),
});
const nameOf = ({ collection }: RowKey): string => collection;
const keyOf = ({ collection, id }: RowKey): string => `${collection}/${id}`;

/** What the source is told of a claim once its rows are where they belong. */
function settle({ marks, retries, rows }: Claim, outcomes: ReadonlyMap<SourceRow, Outcome>): Settlement {
  const failed: (RowKey & { error: string })[] = [];
  const buried: (RowKey & { version: string })[] = [];
  const failing = new Set<string>();
  for (const [row, outcome] of outcomes) {
    const { collection, id } = row;
    if (outcome.is === "refused") {
      failing.add(keyOf(row));
      failed.push({ collection, id, error: outcome.error });
    } else if (!row.row && outcome.is !== "concurrent") buried.push({ collection, id, version: row.version });
  }
  // of those without a row nothing is left to be copied
  const done = [...retries, ...marks]
    .filter((key) => !failing.has(keyOf(key)))
    .map(({ collection, id }) => ({ collection, id }));
  return {
    seqs: marks.map(({ seq }) => seq),
    failed,
    buried,
    done: rows.length === 0 && retries.length === 0 ? [] : done,
  };
}
