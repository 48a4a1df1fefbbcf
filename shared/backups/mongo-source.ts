/** A MongoDB as it is at one instant: a snapshot read over all collections, or, where there is none, read until it stands still. */
import { type ClientSession, type Db, type Document, Long, MongoServerError, UUID } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { createMongoClient } from "../mongo/client.ts";
import { keysOf } from "../mongo/keys.ts";
import type { BackedUpDatabase } from "./manifest.ts";
import type { DatabaseSource, Wanted } from "./reading.ts";
import { type Line, lineOfDocument } from "./record-lines.ts";
import { type UntilStill, untilStill } from "./until-still.ts";

const FETCHED = 2_000;
/** A batch of a snapshot, from disk. */
const SOCKET_MS = 60_000;
/** Versions are of the clocks of those who write, which may go wrong by that much, in transactions that are open no longer. */
const MARGIN_MS = 5 * 60_000;

export interface MongoSource extends DatabaseSource {
  read: BackedUpDatabase["read"];
  /** what is to be read again, where there is no snapshot */
  again?: UntilStill["again"];
}

/**
 * Takes the snapshot. A server forgets it after five minutes unless `minSnapshotHistoryWindowInSeconds` says otherwise, and a
 * read that comes later is refused by it (SnapshotTooOld). Throws as the driver does.
 */
export async function mongoSource(url: string, database: string, connectMs: number): Promise<MongoSource> {
  const deadlines = { connectMs, socketMs: SOCKET_MS };
  const client = createMongoClient(url, { appName: "switchyard-backup", deadlines, maxPoolSize: 2 });
  const db = client.db(database);
  const session = client.startSession({ snapshot: true });
  const close = async () => {
    await session.endSession();
    await client.close();
  };
  try {
    const completeTo = oldestWriter();
    const isSnapshot = await takesSnapshot(db, session);
    const options = isSnapshot ? { session } : { readConcern: "majority" as const };

    async function* lines(collection: Collection, wanted: Wanted = {}): AsyncIterable<Line> {
      const given = { ...options, batchSize: FETCHED, promoteValues: false, promoteLongs: false };
      const found = db.collection(collection.name).find(filterOf(collection, wanted), given);
      for await (const document of found) yield lineOfDocument(collection, document);
    }
    const has: DatabaseSource["has"] = async (collection, { owner, id, version }) => {
      const key = { ...keysOf(collection).any(owner, id), version: { $gte: Long.fromNumber(version) } };
      return (await db.collection(collection.name).findOne(key as Document, options)) !== null;
    };
    if (isSnapshot) return { read: "snapshot read", completeTo, lines, has, close };
    const still = untilStill(lines, oldestWriter);
    return { read: "read again by version until still", completeTo, ...still, has, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** A version that nobody who writes from now on can be below. */
const oldestWriter = () => (Date.now() - MARGIN_MS) * 1_000;

/**
 * NotImplemented, InvalidOptions, IllegalOperation, UnknownField, SnapshotUnavailable and the like: a server that stands alone, or a
 * system that speaks MongoDB's protocol and has no snapshots. The snapshot is that of this read.
 */
const HAS_NONE: ReadonlySet<unknown> = new Set([9, 20, 72, 115, 123, 238, 246, 303, 304, 40_415]);

async function takesSnapshot(db: Db, session: ClientSession): Promise<boolean> {
  try {
    await db.collection("_snapshot").findOne({}, { session });
  } catch (error) {
    if (error instanceof MongoServerError && HAS_NONE.has(error.code)) return false;
    throw error;
  }
  // one that does not know the word may have read without, and said no instant
  return (session as { snapshotTime?: unknown }).snapshotTime !== undefined;
}

function filterOf(collection: Collection, { newerThan, upTo, owners }: Wanted): Document {
  const version = {
    ...(newerThan !== undefined && { $gt: Long.fromNumber(newerThan) }),
    ...(upTo !== undefined && { $lte: Long.fromNumber(upTo) }),
  };
  return {
    ...(owners && { [keysOf(collection).ownerPath]: { $in: owners.map((id) => new UUID(id)) } }),
    ...(Object.keys(version).length > 0 && { version }),
  };
}
