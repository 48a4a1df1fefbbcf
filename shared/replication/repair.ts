/**
 * Makes the copy exact where `verify` says that it is not, and only there. What is missing or older is marked, and copied by
 * the workers. What has the same versions and other contents was written past the guard, by hand: it is replaced if it is
 * still so. What exists only in the copy, and no tombstone tells of, is reported and left alone: it may be all that is left.
 *
 * Of what both databases take writes of, whichever side has more is sent to the other: also what exists only in MongoDB, and
 * what was changed on both sides, about which Postgres decides. The same versions with other contents are reported: either
 * may be what was meant.
 */
import type { Document } from "mongodb";
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import { attempt } from "../mongo/failures.ts";
import { copyOf } from "./copies.ts";
import { databaseOf, type MongoSide } from "./mongo-side.ts";
import type { ReplicationSource } from "./source.ts";
import { markUnsent } from "./unsent.ts";
import type { Difference } from "./verify.ts";

export interface Repaired {
  /** marked for the workers */
  marked: number;
  replaced: number;
  /** reported, not changed */
  left: Difference[];
}

const BATCH = 500;

interface RepairOptions {
  source: ReplicationSource;
  mongo: MongoSide;
  collection: Collection;
  /** milliseconds since 1970 */
  now?: () => number;
  /** called after each durable step; tests end the process there */
  at?: (step: "marked anew" | "unsent" | "replaced") => Promise<void> | void;
}

/** Safe to repeat, also while it is at work elsewhere. Errors: as `verifyCollection`. */
export async function repairCollection(
  { source, mongo, collection, now = Date.now, at = () => {} }: RepairOptions,
  differences: readonly Difference[],
): Promise<Result<Repaired, RepositoryError>> {
  const repaired: Repaired = { marked: 0, replaced: 0, left: [] };
  const ids = { marked: [] as string[], unsent: [] as string[], other: [] as string[] };
  const takesWrites = isTwoWay(collection);
  for (const difference of differences) {
    if (difference.is === "missing" || difference.is === "older") ids.marked.push(difference.id);
    else if (takesWrites && difference.is !== "other") ids.unsent.push(difference.id);
    else if (!takesWrites && difference.is === "other") ids.other.push(difference.id);
    else repaired.left.push(difference);
  }
  for (const batch of batches(ids.unsent)) {
    const documents = databaseOf(mongo, collection).collection(collection.name);
    const unsent = await attempt(async () => ok(await markUnsent(documents, batch, now())));
    if (unsent.isErr()) return unsent.map(() => repaired);
    await at("unsent");
    repaired.marked += unsent.value;
  }
  for (const batch of batches(ids.marked)) {
    const marked = await source.mark(collection.name, batch);
    if (marked.isErr()) return marked.map(() => repaired);
    await at("marked anew");
    repaired.marked += marked.value;
  }
  for (const batch of batches(ids.other)) {
    const read = await source.read(collection, batch);
    if (read.isErr()) return read.map(() => repaired);
    const operations = read.value.rows.map((row) => {
      const document = copyOf(collection, row);
      // only while it has these versions: one that was copied meanwhile is right already
      const seen = Object.entries(row.seen).map(([site, version]) => [`_seen.${site}`, version]);
      return {
        replaceOne: { filter: { _id: document._id, ...Object.fromEntries(seen) } as Document, replacement: document },
      };
    });
    if (operations.length === 0) continue;
    const written = await attempt(async () =>
      ok(
        (await databaseOf(mongo, collection).collection(collection.name).bulkWrite(operations, { ordered: false }))
          .matchedCount,
      ),
    );
    if (written.isErr()) return written.map(() => repaired);
    await at("replaced");
    repaired.replaced += written.value;
  }
  return ok(repaired);
}

function* batches(ids: readonly string[]): Generator<string[]> {
  for (let begin = 0; begin < ids.length; begin += BATCH) yield ids.slice(begin, begin + BATCH);
}
