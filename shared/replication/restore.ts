/**
 * Rebuilds what Supabase has lost from the copy: rows and tombstones that only the copy has, or has newer, come back exactly,
 * with their versions, ids and times. What is newer in Supabase, or was changed on both sides, stays as it is. Parents come
 * before their children. Safe to repeat, and to stop at any point.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { attempt } from "../mongo/failures.ts";
import { rowOf } from "./copies.ts";
import { databaseOf, type MongoSide } from "./mongo-side.ts";
import type { ReplicationSource, RestoredRow } from "./source.ts";
import { forgetNewest } from "./state.ts";

export interface RestoreOptions {
  source: ReplicationSource;
  mongo: MongoSide;
  /** parents before the collections that refer to them */
  collections: readonly Collection[];
  /** nothing is written; what would be sent is counted */
  dryRun?: boolean;
  /** rows that are sent at once */
  limit?: number;
  onProgress?: (collection: string, looked: number, restored: number) => void;
  /** called after each durable step; tests end the process there */
  at?: (step: "applied" | "switched") => Promise<void> | void;
}

export interface Restored {
  collection: string;
  /** documents of the copy, tombstones among them */
  looked: number;
  restored: number;
  refused: { id: string; error: string }[];
}

/** Errors: those of the source, and of the copy as the contract says them. */
export async function restore(options: RestoreOptions): Promise<Result<Restored[], RepositoryError>> {
  const { source, mongo, collections, dryRun = false, limit = 500, onProgress = () => {}, at = () => {} } = options;
  const done: Restored[] = [];
  for (const collection of collections) {
    const total: Restored = { collection: collection.name, looked: 0, restored: 0, refused: [] };
    done.push(total);
    const send = async (batch: readonly RestoredRow[]): Promise<Result<void, RepositoryError>> => {
      total.looked += batch.length;
      const answer = await source.apply(collection.name, batch, dryRun);
      if (answer.isErr()) return err(answer.error);
      await at("applied");
      total.restored += answer.value.applied;
      total.refused.push(...answer.value.refused);
      onProgress(collection.name, total.looked, total.restored);
      return ok(undefined);
    };
    const sent = await attempt(async () => {
      let batch: RestoredRow[] = [];
      const flush = async () => {
        const answer = await send(batch);
        if (answer.isErr()) throw answer.error;
        batch = [];
      };
      for await (const document of databaseOf(mongo, collection)
        .collection(collection.name)
        .find({}, { sort: { _id: 1 }, batchSize: limit })) {
        batch.push(rowOf(collection, document));
        if (batch.length >= limit) await flush();
      }
      if (batch.length > 0) await flush();
      return ok(undefined);
    });
    if (sent.isErr()) return err(sent.error);
  }
  if (dryRun) return ok(done);
  // a database that was set back hands out marks anew: what the copy has got before says nothing any more
  const forgotten = await attempt(async () => ok(await forgetNewest(mongo.replica())));
  if (forgotten.isErr()) return err(forgotten.error);
  const switched = await source.switch(true);
  await at("switched");
  return switched.map(() => done);
}
