/** A MongoDB as it is at one instant: a snapshot read over all collections. */
import type { Collection } from "../definition/define.ts";
import { createMongoClient } from "../mongo/client.ts";
import { type Line, lineOfDocument } from "./record-lines.ts";

const FETCHED = 2_000;
/** A batch of a snapshot, from disk. */
const SOCKET_MS = 60_000;
/** Versions are of the clocks of those who write, which may go wrong by that much, in transactions that are open no longer. */
const MARGIN_MS = 5 * 60_000;

export interface MongoSource {
  /** Of the snapshot, as of a Postgres. */
  completeTo: number;
  lines(collection: Collection): AsyncIterable<Line>;
  close(): Promise<void>;
}

/**
 * Takes the snapshot. A server forgets it after five minutes unless `minSnapshotHistoryWindowInSeconds` says otherwise, and a
 * read that comes later is refused by it (SnapshotTooOld). Throws as the driver does.
 */
export async function mongoSource(url: string, database: string, connectMs: number): Promise<MongoSource> {
  const deadlines = { connectMs, socketMs: SOCKET_MS };
  const client = createMongoClient(url, { appName: "switchyard-backup", deadlines, maxPoolSize: 2 });
  const session = client.startSession({ snapshot: true });
  const db = client.db(database);
  const close = async () => {
    await session.endSession();
    await client.close();
  };
  try {
    const completeTo = (Date.now() - MARGIN_MS) * 1_000;
    // the snapshot is that of the first read
    await db.collection("_snapshot").findOne({}, { session });
    return {
      completeTo,
      async *lines(collection) {
        const options = { session, batchSize: FETCHED, promoteValues: false, promoteLongs: false };
        const found = db.collection(collection.name).find({}, options);
        for await (const document of found) yield lineOfDocument(collection, document);
      },
      close,
    };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}
