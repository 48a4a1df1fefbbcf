/**
 * Brings the copy up from nothing: switches the marks on, marks every row, and copies; of what both databases take writes of,
 * also the way back. Writers go on meanwhile: what they write is marked by itself. Stopped and started again it goes on where
 * it was.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import { attempt } from "../mongo/failures.ts";
import { backfillBack } from "./backfill-back.ts";
import type { Collector } from "./collector.ts";
import type { MongoSide } from "./mongo-side.ts";
import type { ReplicationSource } from "./source.ts";
import { forgetNewest } from "./state.ts";
import type { ReplicationWorker } from "./worker.ts";

interface BackfillProgress {
  collection: string;
  /** which side its rows come from */
  from: "supabase" | "mongodb";
  marked: number;
  /** rows that there are now */
  total: number;
  copied: number;
  /** transactions that were open when marks were switched on are waited for */
  waits: boolean;
}

export interface BackfillOptions {
  source: ReplicationSource;
  worker: ReplicationWorker;
  collector: Pick<Collector, "run">;
  mongo: MongoSide;
  collections: readonly Collection[];
  /** from the beginning, whatever an earlier one has done; also after the source was set back (restored from a backup) */
  restart?: boolean;
  /** rows that are marked at once: statements over REST have 8 seconds */
  limit?: number;
  onProgress?: (progress: BackfillProgress) => void;
  /** called after each durable step; tests end the process there */
  at?: (step: "switched" | "marked" | "copied" | "unsent" | "sent") => Promise<void> | void;
  wait?: (ms: number) => Promise<void>;
}

const WAIT_MS = 1_000;

/** Rows that were copied. Errors: those of the source and of the copy. */
export async function backfill(options: BackfillOptions): Promise<Result<number, RepositoryError>> {
  const {
    source,
    worker,
    collector,
    collections,
    restart = false,
    limit = 5_000,
    onProgress = () => {},
    at = () => {},
  } = options;
  const { wait = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;
  if (restart) {
    // what the copy has got before is no reason any more to refuse what is marked from now on
    const forgotten = await attempt(async () => ok(await forgetNewest(options.mongo.replica())));
    if (forgotten.isErr()) return err(forgotten.error);
    worker.forget();
  }
  const switched = await source.switch(true);
  if (switched.isErr()) return err(switched.error);
  await at("switched");
  let copied = 0;
  for (const collection of collections) {
    const { name } = collection;
    for (let isFirst = true; ; isFirst = false) {
      const marked = await source.backfill(name, limit, restart && isFirst);
      if (marked.isErr()) return err(marked.error);
      await at("marked");
      const { is_done: isDone, waits, total = 0 } = marked.value;
      // copied before more is marked: marks are no larger than they have to be
      const batch = await worker.run();
      if (batch.isErr()) return err(batch.error);
      await at("copied");
      copied += batch.value.copied;
      onProgress({ collection: name, from: "supabase", marked: marked.value.marked, total, copied, waits });
      if (isDone) break;
      if (waits) await wait(WAIT_MS);
    }
    if (!isTwoWay(collection)) continue;
    const back = await backfillBack({
      ...{ mongo: options.mongo, collector, collection, restart, limit, at },
      onProgress: (marked, total) =>
        onProgress({ collection: name, from: "mongodb", marked, total, copied, waits: false }),
    });
    if (back.isErr()) return err(back.error);
    copied += back.value;
  }
  return ok(copied);
}
