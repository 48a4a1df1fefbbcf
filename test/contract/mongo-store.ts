/** The contract over MongoDB: owners are ids, records are loaded as documents. */

import { type Db, Decimal128, Long, type MongoClient, UUID } from "mongodb";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { type Collection, home, type Placement } from "../../shared/definition/define.ts";
import { foldedFields } from "../../shared/definition/search.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { keysOf } from "../../shared/mongo/keys.ts";
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
  /** where the collections of a home are said to be kept, which decides how documents are keyed */
  placement?: Placement;
  /** gets the client of all owners, before it has sent anything */
  watch?: (client: MongoClient) => void;
}

export async function mongoStore(
  uri: string,
  database: string,
  { self = MONGODB, placement = home(), watch = () => {} }: MongoStoreSettings = {},
): Promise<Store> {
  const placed = placedAt(placement);
  const kept = homeCollections.map(placed);
  const all = allCollections.map(placed);
  const client = createMongoClient(uri, { appName: "switchyard-contract" });
  watch(client);
  const db = client.db(database);
  await db.dropDatabase();
  await prepareMongo(db, kept, self);
  const { site } = self;
  const closing: (() => Promise<unknown>)[] = [() => db.dropDatabase(), () => client.close()];

  const owner = (on: Db): Owner => {
    const userId = crypto.randomUUID();
    const { repository } = mongoRepositories({ db: on, userId, site, all });
    return { userId, repository: (collection) => repository(placed(collection)) };
  };

  return {
    site,

    foreignId: placement.kind === "home" ? "ok" : "duplicate",
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
      await db
        .collection(collection.name)
        .insertMany(records.map((record) => document(placed(collection), record)) as never);
    },

    async keep(collection) {
      await prepareMongo(db, [...kept, placed(collection)], self);
    },

    async close() {
      for (const close of closing) await close();
    },
  };
}

/** The same collection for the same one, kept there instead of in its owner's home; others are as they are. */
function placedAt(placement: Placement): <C extends Collection>(collection: C) => C {
  const made = new Map<Collection, Collection>();
  return <C extends Collection>(collection: C): C => {
    if (collection.placement.kind !== "home" || placement.kind === "home") return collection;
    const one = made.get(collection) ?? { ...collection, placement };
    made.set(collection, one);
    return one as C;
  };
}

function document(collection: Collection, record: SeededRecord): object {
  const keys = keysOf(collection);
  const { id, user_id, version, created_at, updated_at, ...fields } = record;
  const entries = Object.entries(fields).map(([name, value]) => [name, stored(collection, name, value)]);
  return {
    _id: keys.key(String(user_id), id),
    ...(keys.ownerPath === keys.owner && { [keys.owner]: new UUID(String(user_id)) }),
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
