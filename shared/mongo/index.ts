/** The contract over MongoDB. */
import type { Db } from "mongodb";
import { uuidv7 } from "uuidv7";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../collections/define.ts";
import { allCollections } from "../collections/index.ts";
import type { Repository } from "../contract/repository.ts";
import { deadlinesOf } from "../deadlines.ts";
import { type Failpoint, noFailpoint } from "./failpoints.ts";
import { createRepository } from "./repository.ts";

export interface MongoOptions {
  db: Db;
  userId: string;
  /** milliseconds since 1970 */
  now?: () => number;
  newId?: () => string;
  /** longest time that the server may take for one operation */
  maxTimeMs?: number;
  all?: readonly Collection[];
  failpoint?: Failpoint;
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
  failpoint = noFailpoint,
  ...options
}: MongoOptions): MongoRepositories {
  const context = { ...options, now, newId, maxTimeMs, all, failpoint };
  return { repository: (collection) => createRepository(collection, context) as never };
}
