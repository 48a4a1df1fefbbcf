/** A MongoDB database as one of the product's. */
import { type Db, UUID } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import { byName } from "../definition/per-collection.ts";
import {
  type Caller,
  COUNTED_EXACTLY,
  type Database,
  type EngineOptions,
  type RecordCounts,
} from "../repository/database.ts";
import type { Store } from "../repository/store.ts";
import { createMongoConnection } from "./connection.ts";
import { databaseName } from "./database-name.ts";
import { attempt } from "./failures.ts";
import { createFenceList, fencesIn, forgetMoves, NOTICE_MS } from "./fences.ts";
import { mongoHomeCopy } from "./home-copy.ts";
import { createMongoPing } from "./ping.ts";
import { prepareMongo } from "./prepare.ts";
import { purgeDocuments } from "./purge.ts";
import { rememberSelf } from "./remembered-self.ts";
import { mongoReplica, type ReplicaOptions } from "./replica.ts";
import { adviceOn, readSelf, refusalOf, selfOr } from "./self.ts";
import { createMongoStore } from "./store.ts";
import { mongoSystemChanges } from "./system-changes.ts";
import { readUnsent } from "./unsent-state.ts";
import { createUsageGate, holdingsIn } from "./usage.ts";
import { userSizes } from "./user-sizes.ts";

export interface MongoOptions extends EngineOptions {
  /** copies that are kept beside the records, on the same server */
  replica?: ReplicaOptions | undefined;
}

export function mongoDatabase(options: MongoOptions): Database {
  const { name, title, url, collections, deadlines, appName, maxPoolSize, onPool, noticeMs = NOTICE_MS } = options;
  const database = databaseName(url, options.database);
  const connection = createMongoConnection(url, database, {
    appName,
    deadlines,
    onClient: onPool,
    ...(maxPoolSize !== undefined && { maxPoolSize }),
  });
  const pinging = createMongoPing(url, { appName: `${appName}-health`, deadlines });
  const all = byName(collections);
  const both = collections.filter(isTwoWay);
  const atHome = collections.filter(({ placement }) => placement.kind === "home");
  const self = rememberSelf(() => connection.db(), options, deadlines.queryMs);
  const replica =
    options.replica &&
    mongoReplica({
      ...options.replica,
      home: options,
      db: (named) => connection.db().client.db(named),
      maxTimeMs: deadlines.queryMs,
    });
  const usage = createUsageGate({
    collections,
    quota: options.quota,
    clock: options.clock,
    maxTimeMs: deadlines.queryMs,
  });
  const fences = createFenceList({
    db: () => connection.db(),
    name,
    maxTimeMs: deadlines.queryMs,
    staleMs: noticeMs,
    clock: options.ageClock,
  });
  /** Once it is known that this is the database it should be; what stands against it is thrown. */
  const own = async (): Promise<Db> => {
    const known = await self();
    if (known.isErr()) throw known.error;
    return connection.db();
  };

  const scoped = async (caller: Caller): Promise<Result<Store, RepositoryError>> => {
    const { id, scope: userId = id, signal } = caller;
    const [known, fence] = await Promise.all([self(), fences.of(caller)]);
    if (known.isErr()) return err(known.error);
    if (fence.isErr()) return err(fence.error);
    return known.map(({ site }) =>
      createMongoStore({
        db: connection.db(),
        userId,
        site,
        all,
        maxTimeMs: deadlines.queryMs,
        signal,
        usage,
        fence: fence.value,
      }),
    );
  };

  return {
    name,
    title,
    kind: "mongodb",
    scoped,
    ...(replica && { replica: replica.copies }),
    ...(both.length > 0 && {
      unsent: () => attempt(async () => ok(await readUnsent(await own(), both, Date.now(), deadlines.queryMs))),
    }),
    usage: (userId) => attempt(async () => ok(await usage.count(await own(), userId))),
    holdings: (userId) =>
      attempt(async () => ok(await holdingsIn(await own(), collections, userId, deadlines.queryMs))),
    system: {
      async probe() {
        const [found, finding] = await pinging.ask(async (client) => [
          selfOr(await readSelf(client.db(database)), name),
          replica ? await replica.finding(client) : null,
        ]);
        return ok(refusalOf(found, options) ?? (found && adviceOn(found, options)) ?? finding);
      },
      async prepare(as) {
        await prepareMongo(connection.db(), collections, as);
        await replica?.prepare(as);
      },
      // held by this code, not by the database
      limit: async () => {},
      // a wrong address must not cost another database its records
      async purge(userId) {
        const db = await own();
        await fencesIn(db).deleteOne({ _id: new UUID(userId) });
        await purgeDocuments(db, collections, userId);
      },
      // tombstones go by their indexes
      sweep: async () => forgetMoves(await own(), deadlines.queryMs),
      count: async (counted, limitMs) => {
        await pinging.ask((client) => client.db("admin").command({ ping: 1 }));
        return countDocuments(await own(), counted, limitMs);
      },
      size: async () => {
        const { dataSize, indexSize } = await pinging.ask((client) => client.db(database).stats());
        // as hosted tiers count: documents before compression
        return Number(dataSize) + Number(indexSize);
      },
      userSizes: async (userIds) => userSizes(await own(), atHome, userIds, deadlines.queryMs),
    },
    copy: async () =>
      mongoHomeCopy({
        db: own,
        name,
        collections: atHome,
        maxTimeMs: deadlines.queryMs,
        heardAfterMs: noticeMs + deadlines.requestMs,
        async remove(userId, collection, id, version) {
          const known = await self();
          if (known.isErr()) return err(known.error);
          const { site } = known.value;
          const store = createMongoStore({ db: connection.db(), userId, site, all, maxTimeMs: deadlines.queryMs });
          return store.delete(collection, id, version);
        },
      }),
    changes: async () =>
      mongoSystemChanges({ db: own, name, maxTimeMs: deadlines.queryMs, storeOf: (id) => scoped({ id, jwt: "" }) }),
    close: async () => void (await Promise.all([connection.close(), pinging.close()])),
  };
}

/**
 * Tombstones left out; null for a collection that cannot be counted in time. The estimate for a large one is what the server
 * keeps count of, tombstones among it.
 */
async function countDocuments(db: Db, collections: readonly Collection[], limitMs: number): Promise<RecordCounts> {
  const maxTimeMS = Math.max(1, Math.round(limitMs * 0.4));
  const found: RecordCounts = { counts: {}, estimated: {} };
  const count = async ({ name }: Collection) => {
    found.counts[name] = null;
    const documents = db.collection(name);
    const counted = await documents.countDocuments({ _deleted_at: null }, { maxTimeMS, limit: COUNTED_EXACTLY + 1 });
    found.counts[name] = counted;
    if (counted <= COUNTED_EXACTLY) return;
    found.counts[name] = Math.max(counted, await documents.estimatedDocumentCount({ maxTimeMS }));
    found.estimated[name] = new Date().toISOString();
  };
  await Promise.all(collections.map((collection) => count(collection).catch(() => undefined)));
  return found;
}
