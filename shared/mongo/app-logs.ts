/** Warnings and errors of the application, as MongoDB keeps them, beside the records of the home of that name. */
import { type Db, type Document, MongoBulkWriteError, UUID } from "mongodb";
import { createCollection } from "./create-collection.ts";
import type { Index } from "./indexes.ts";
import { createIndexes } from "./prepare.ts";

const NAME = "app_logs";
const KEPT_SECONDS = 90 * 24 * 3_600;
const DUPLICATE_KEY = 11_000;

/** One line of the log. */
export interface AppLog {
  /** made where the line was: sent twice, it is there once */
  id: string;
  at: Date;
  level: string;
  event: string;
  /** of the request in which it was written, where there was one */
  request_id: string | null;
  /** all of the line, as JSON */
  line: string;
}

const INDEXES: readonly Index[] = [
  { name: "at_ttl", key: { at: 1 }, expireAfterSeconds: KEPT_SECONDS },
  {
    name: "request_id_idx",
    key: { request_id: 1, at: 1 },
    partialFilterExpression: { request_id: { $type: "string" } },
  },
];

/**
 * Makes the collection and its indexes; safe to repeat, and by two at once. By whoever writes first: what nobody has prepared
 * yet is what logs are wanted of.
 */
export async function prepareAppLogs(db: Db): Promise<void> {
  await createCollection(db, NAME, {});
  await createIndexes(db, NAME, INDEXES);
}

/** Those that MongoDB refuses by themselves, of which each is too much or wrong. Throws when it is not known which are there. */
export async function writeAppLogs(db: Db, logs: readonly AppLog[]): Promise<AppLog[]> {
  const documents = logs.map(({ id, ...log }) => ({ _id: new UUID(id), ...log }) as Document);
  try {
    await db.collection(NAME).insertMany(documents, { ordered: false });
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const refused = [error.writeErrors].flat();
    if (refused.length === 0) throw error;
    return refused.filter(({ code }) => code !== DUPLICATE_KEY).flatMap(({ index }) => logs[index] ?? []);
  }
}

export interface AppLogQuery {
  levels: readonly string[];
  since?: Date | undefined;
  requestId?: string | undefined;
  /** the newest are kept */
  limit: number;
}

/** The lines, the oldest first. Driver errors are thrown. */
export async function readAppLogs(
  db: Db,
  { levels, since, requestId, limit }: AppLogQuery,
  maxTimeMS: number,
): Promise<string[]> {
  const filter = {
    level: { $in: [...levels] },
    ...(since && { at: { $gte: since } }),
    ...(requestId !== undefined && { request_id: requestId }),
  };
  const found = await db
    .collection(NAME)
    .find(filter, { sort: { at: -1 }, limit, maxTimeMS })
    .toArray();
  // of one millisecond, by ids, which are made in order
  const keyOf = ({ at, _id }: Document) => `${(at as Date).toISOString()} ${_id}`;
  return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).map(({ line }) => String(line));
}
