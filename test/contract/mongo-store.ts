/** The contract over MongoDB: owners are ids, records are loaded as documents. */

import { type Db, Decimal128, Long, type MongoClient, UUID } from "mongodb";
import { homeCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { foldedFields } from "../../shared/definition/search.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import type { Self } from "../../shared/repository/database.ts";
import { MONGODB, mongoRepositories } from "../setup/repositories.ts";
import { type DeadEnd, deadEnd } from "./dead-end.ts";
import { completeSeed, type SeededRecord } from "./seed.ts";
import type { Owner, Store } from "./store.ts";

/** Where no server is, none can be too slow. */
const LOST_MS = 300;

export interface MongoStoreSettings {
  /** which of the homes it is; the one that every deployment has unless told */
  self?: Self;
  /** gets the client of all owners, before it has sent anything */
  watch?: (client: MongoClient) => void;
}

export async function mongoStore(
  uri: string,
  database: string,
  { self = MONGODB, watch = () => {} }: MongoStoreSettings = {},
): Promise<Store> {
  const client = createMongoClient(uri, { appName: "switchyard-contract" });
  watch(client);
  const db = client.db(database);
  await db.dropDatabase();
  await prepareMongo(db, homeCollections, self);
  const { site } = self;
  const closing: (() => Promise<unknown>)[] = [() => db.dropDatabase(), () => client.close()];

  const owner = (on: Db): Owner => {
    const userId = crypto.randomUUID();
    return { userId, repository: mongoRepositories({ db: on, userId, site }).repository };
  };

  return {
    site,

    newOwner: async () => owner(db),

    async unavailableOwner(how) {
      const end: DeadEnd = await deadEnd(how);
      const lost = createMongoClient(`mongodb://127.0.0.1:${end.port}`, {
        appName: "switchyard-contract",
        deadlines: deadlinesOf({ DATABASE_CONNECT_MS: LOST_MS, REQUEST_DEADLINE_MS: LOST_MS }),
      });
      closing.push(() => lost.close(), end.close);
      return owner(lost.db(database));
    },

    async seed(owner, collection, rows) {
      const records = completeSeed(owner.userId, site, collection, rows);
      await db.collection(collection.name).insertMany(records.map((record) => document(collection, record)) as never);
    },

    async keep(collection) {
      await prepareMongo(db, [...homeCollections, collection], self);
    },

    async close() {
      for (const close of closing) await close();
    },
  };
}

function document(collection: Collection, record: SeededRecord): object {
  const { id, user_id, version, created_at, updated_at, ...fields } = record;
  const entries = Object.entries(fields).map(([name, value]) => [name, stored(collection, name, value)]);
  return {
    _id: { user_id: new UUID(String(user_id)), id: new UUID(id) },
    ...Object.fromEntries(entries),
    version: Long.fromNumber(version),
    created_at: new Date(created_at),
    updated_at: new Date(updated_at),
    _folded: foldedFields(collection, record),
  };
}

function stored(collection: Collection, name: string, value: unknown): unknown {
  const kind = collection.fields[name]?.kind;
  if (value === null) return null;
  if (kind === "money" || kind === "decimal") return Decimal128.fromString(String(value));
  if (kind === "reference") return new UUID(String(value));
  return kind === "instant" ? new Date(String(value)) : value;
}
