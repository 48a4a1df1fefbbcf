/** A MongoDB as it is at one instant: a snapshot read over all collections. */
import type { Collection } from "../definition/define.ts";
import { createMongoClient } from "../mongo/client.ts";
import { type Line, lineOfDocument } from "./record-lines.ts";

const FETCHED = 2_000;
/** A batch of a snapshot, from disk. */
const SOCKET_MS = 60_000;

export interface MongoSource {
  lines(collection: Collection): AsyncIterable<Line>;
  close(): Promise<void>;
}

/**
 * The snapshot is that of the first read. A server forgets it after five minutes unless
 * `minSnapshotHistoryWindowInSeconds` says otherwise, and a read that comes later is refused by it (SnapshotTooOld).
 */
export function mongoSource(url: string, database: string, connectMs: number): MongoSource {
  const deadlines = { connectMs, socketMs: SOCKET_MS };
  const client = createMongoClient(url, { appName: "switchyard-backup", deadlines, maxPoolSize: 2 });
  const session = client.startSession({ snapshot: true });
  return {
    async *lines(collection) {
      const options = { session, batchSize: FETCHED, promoteValues: false, promoteLongs: false };
      const found = client.db(database).collection(collection.name).find({}, options);
      for await (const document of found) yield lineOfDocument(collection, document);
    },
    async close() {
      await session.endSession();
      await client.close();
    },
  };
}
