/** A MongoDB database as one of the product's. */
import type { Db } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { misconfigured, type RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { Database, EngineOptions, Self } from "../repository/database.ts";
import { databaseName } from "./client.ts";
import { createMongoConnection, type MongoConnection } from "./connection.ts";
import { attempt } from "./failures.ts";
import { createMongoPing } from "./ping.ts";
import { prepareMongo } from "./prepare.ts";
import { purgeDocuments } from "./purge.ts";
import { type KnownSelf, MONGO_REVISION, readSelf } from "./self.ts";
import { createMongoStore } from "./store.ts";

export function mongoDatabase(options: EngineOptions): Database {
  const { name, title, url, collections, deadlines, appName, maxPoolSize, onPool } = options;
  const database = databaseName(url, options.database);
  const connection = createMongoConnection(url, database, {
    appName,
    deadlines,
    onClient: onPool,
    ...(maxPoolSize !== undefined && { maxPoolSize }),
  });
  const pinging = createMongoPing(url, { appName: `${appName}-health`, deadlines });
  const all = new Map(collections.map((collection) => [collection.name, collection]));
  const self = rememberSelf(connection, options);

  return {
    name,
    title,
    kind: "mongodb",
    async scoped({ id: userId }) {
      const known = await self();
      return known.map(({ site }) =>
        createMongoStore({ db: connection.db(), userId, site, all, maxTimeMs: deadlines.queryMs }),
      );
    },
    system: {
      probe: async () => ok(problemOf(await pinging.ask((client) => readSelf(client.db(database))), options)),
      prepare: async (as) => void (await prepareMongo(connection.db(), collections, as)),
      purge: (userId) => purgeDocuments(connection.db(), collections, userId),
      // its indexes do
      sweep: async () => {},
      count: async (counted, limitMs) => {
        await pinging.ask((client) => client.db("admin").command({ ping: 1 }));
        return countDocuments(connection.db(), counted, limitMs);
      },
      size: async () => {
        const { dataSize, indexSize } = await pinging.ask((client) => client.db(database).stats());
        // as hosted tiers count: documents before compression
        return Number(dataSize) + Number(indexSize);
      },
    },
    close: async () => void (await Promise.all([connection.close(), pinging.close()])),
  };
}

/** Read once, with the first call: a database does not become another one while it is in use. */
function rememberSelf(
  connection: MongoConnection,
  options: EngineOptions,
): () => Promise<Result<Self, RepositoryError>> {
  let known: KnownSelf | undefined;
  let reading: Promise<Result<Self, RepositoryError>> | undefined;
  const read = (): Promise<Result<Self, RepositoryError>> =>
    attempt(async () => {
      const found = await readSelf(connection.db(), options.deadlines.queryMs);
      const problem = problemOf(found, options);
      if (problem !== null || !found) return err(misconfigured(problem ?? ""));
      known = found;
      return ok(found);
    });
  return async () => {
    if (known) return ok(known);
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
}

/** Why it cannot be used although it answers; null when it can. */
function problemOf(found: KnownSelf | null, { name, title }: EngineOptions): string | null {
  const prepare = `run: switchyard db prepare ${name}`;
  if (!found) return `${title} has not been prepared for this version; ${prepare}`;
  if (found.name !== name)
    return `${title} is configured with the address of another database, which calls itself "${found.name}".`;
  if (found.revision < MONGO_REVISION) return `${title} was prepared by an earlier version; ${prepare}`;
  if (found.revision > MONGO_REVISION) return `${title} was prepared by a later version; deploy that one here, too.`;
  return null;
}

/** Tombstones left out; null for a collection that is too large to count in time. */
async function countDocuments(db: Db, collections: readonly Collection[], limitMs: number) {
  const maxTimeMS = Math.max(1, Math.round(limitMs * 0.8));
  const counts = collections.map(async (collection) => {
    const count = db.collection(collection.name).countDocuments({ _deleted_at: null }, { maxTimeMS });
    return [collection.name, await count.catch(() => null)] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}
