/**
 * The way back of `backfill`, for what both databases take writes of: every document that MongoDB has is sent to Postgres, be
 * it unsent or not. How far that has come is kept in MongoDB, so that it goes on where it was stopped.
 */
import type { Document, Collection as Documents, UUID } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { uuidText } from "../mongo/documents.ts";
import { attempt } from "../mongo/failures.ts";
import type { Collector } from "./collector.ts";
import type { MongoSide } from "./mongo-side.ts";
import { markUnsent } from "./unsent.ts";

export interface BackfillBackOptions {
  mongo: Pick<MongoSide, "home">;
  collector: Pick<Collector, "run">;
  collection: Collection;
  restart: boolean;
  /** documents that are marked at once */
  limit: number;
  now?: () => number;
  onProgress: (marked: number, total: number) => void;
  /** called after each durable step; tests end the process there */
  at: (step: "unsent" | "sent") => Promise<void> | void;
}

interface Progress {
  /** the last `_id` that was marked */
  after: UUID | null;
  marked: number;
  isDone: boolean;
}

/** Documents that Postgres did not have. Errors: those of the collector. */
export async function backfillBack(options: BackfillBackOptions): Promise<Result<number, RepositoryError>> {
  const { mongo, collector, collection, restart, limit, now = Date.now, onProgress, at } = options;
  let sent = 0;
  let isFirst = true;
  for (;;) {
    const step = await attempt(async () => {
      const documents = mongo.home().collection(collection.name);
      const state = mongo.home().collection<Stored>("switchyard");
      const known = restart && isFirst ? NOTHING : ((await state.findOne({ _id: idOf(collection) })) ?? NOTHING);
      if (known.isDone) return ok(known);
      const page = await readPage(documents, known.after, limit);
      await markUnsent(
        documents,
        page.map(({ _id }) => uuidText(_id)),
        now(),
      );
      const progress = {
        after: page.at(-1)?._id ?? known.after,
        marked: known.marked + page.length,
        isDone: page.length < limit,
      };
      await state.replaceOne({ _id: idOf(collection) }, progress, { upsert: true });
      onProgress(progress.marked, await documents.estimatedDocumentCount());
      return ok(progress);
    });
    if (step.isErr()) return err(step.error);
    await at("unsent");
    // also when all had been marked by one that was stopped before it was sent
    const collected = await collector.run();
    if (collected.isErr()) return err(collected.error);
    await at("sent");
    sent += collected.value.sent + collected.value.merged;
    if (step.value.isDone) return ok(sent);
    isFirst = false;
  }
}

interface Stored extends Progress {
  _id: string;
}
const NOTHING: Progress = { after: null, marked: 0, isDone: false };
const idOf = ({ name }: Collection): string => `backfill/${name}`;

const readPage = (documents: Documents, after: UUID | null, limit: number): Promise<Document[]> =>
  documents
    .find(after === null ? {} : ({ _id: { $gt: after } } as Document), {
      sort: { _id: 1 },
      limit,
      projection: { _id: 1 },
    })
    .toArray();
