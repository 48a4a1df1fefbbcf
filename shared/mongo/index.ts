/** The contract over MongoDB. */
import type { Db } from "mongodb";
import { uuidv7 } from "uuidv7";
import { allCollections } from "../collections/index.ts";
import type { Repository } from "../contract/repository.ts";
import { deadlinesOf } from "../deadlines.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../definition/define.ts";
import { ownPace, type Pace } from "./pace.ts";
import { createRepository } from "./repository.ts";

export interface MongoOptions {
  db: Db;
  userId: string;
  /** milliseconds since 1970 */
  now?: () => number;
  newId?: () => string;
  /** longest time that the server may take for one operation, or for a transaction with its repetitions */
  maxTimeMs?: number;
  all?: readonly Collection[];
  pace?: Pace;
}

export interface MongoRepositories {
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/** The repositories of one user. */
export function mongoRepositories({
  now = Date.now,
  newId = uuidv7,
  maxTimeMs = deadlinesOf().queryMs,
  all = allCollections,
  pace = ownPace,
  ...options
}: MongoOptions): MongoRepositories {
  const context = { ...options, now, newId, maxTimeMs, all, pace };
  return { repository: (collection) => createRepository(collection, context) as never };
}
