/**
 * Copies of records whose primary is another database, in a database of their own on a MongoDB server. Read here while the
 * primary is away, and written by the replication only. Keyed as in the primary: `_id` is the record's id, the owner stands
 * in a field; beside the record are `_seen` (versions by site) and what other documents have, too (documents.ts).
 */
import type { Db, MongoClient } from "mongodb";
import { ok } from "neverthrow";
import type { Collection } from "../definition/define.ts";
import { byName } from "../definition/per-collection.ts";
import { asPromoted } from "../definition/promoted.ts";
import type { Replica, Self } from "../repository/database.ts";
import { everyCollection } from "../repository/every-call.ts";
import { attempt } from "./failures.ts";
import { prepareMongo, REPLICA } from "./prepare.ts";
import { readPromotions } from "./promotions.ts";
import { rememberSelf } from "./remembered-self.ts";
import { adviceOn, type Named, readSelf, refusalOf } from "./self.ts";
import { createMongoStore } from "./store.ts";

export interface ReplicaOptions {
  /** its name on the server; never that of the home's own */
  database: string;
  /** what is copied there */
  collections: readonly Collection[];
  /** up to when everything of the primary is there, as whoever copies has written it down; null: not known */
  completeUpTo?: ((database: Db) => Promise<Date | null>) | undefined;
}

interface MongoReplicaOptions extends ReplicaOptions {
  /** the home beside which it is kept: prepared with it, and reached by the same client */
  home: { name: string; title: string };
  db: (named: string) => Db;
  maxTimeMs: number;
}

export interface MongoReplica {
  copies: Replica;
  /** Makes it fit the definitions, as `prepareMongo`. */
  prepare(home: Self): Promise<void>;
  /** What the operator has to mend, in words; null for nothing. */
  finding(client: MongoClient): Promise<string | null>;
}

/** What it calls itself: no home's address may lead there. */
export const replicaName = (home: string): string => `${home}_replica`;

export function mongoReplica(options: MongoReplicaOptions): MongoReplica {
  const { database, collections, home, maxTimeMs, completeUpTo = async () => null } = options;
  const db = () => options.db(database);
  const named: Named = {
    name: replicaName(home.name),
    title: `The database of the copies in ${home.title} (${database})`,
    preparedWith: home.name,
  };
  const all = byName(collections);
  const self = rememberSelf(db, named, maxTimeMs);
  return {
    copies: {
      scoped: async ({ id, scope: userId = id, signal }) =>
        (await self()).map(({ site }) => createMongoStore({ db: db(), userId, site, all, maxTimeMs, signal })),
      completeUpTo: () => attempt(async () => ok(await completeUpTo(db()))),
      promotions: () =>
        attempt(async () =>
          ok(new Map([...(await readPromotions(db(), maxTimeMs))].map(([name, { state }]) => [name, state]))),
        ),
      writable: async ({ id, scope: userId = id, signal }) =>
        (await self()).map(({ site }) => {
          const promoted = byName(collections.map(asPromoted));
          return everyCollection(
            createMongoStore({ db: db(), userId, site, all: promoted, maxTimeMs, signal }),
            asPromoted,
          );
        }),
    },
    prepare: async ({ site }) => void (await prepareMongo(db(), collections, { name: named.name, site }, REPLICA)),
    async finding(client) {
      try {
        const found = await readSelf(client.db(database));
        return refusalOf(found, named) ?? (found && adviceOn(found, named));
      } catch {
        // the home itself answers all the same
        return `${named.title} cannot be read: may the user of its URL read that database, too?`;
      }
    },
  };
}
