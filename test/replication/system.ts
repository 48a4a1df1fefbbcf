/** What a copy needs: a Supabase, a MongoDB, workers. */
import { randomUUID } from "node:crypto";
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";
import type { Result } from "neverthrow";
import { allCollections } from "../../shared/collections/index.ts";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import { byName } from "../../shared/definition/per-collection.ts";
import { createLog } from "../../shared/log.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { createMongoStore } from "../../shared/mongo/store.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { backfill } from "../../shared/replication/backfill.ts";
import { copyBothWays } from "../../shared/replication/both-ways.ts";
import { type Collector, type CollectorOptions, createCollector } from "../../shared/replication/collector.ts";
import { type MongoSide, twoWayIn } from "../../shared/replication/mongo-side.ts";
import { type ReplicationSource, supabaseSource } from "../../shared/replication/source.ts";
import { type Verified, verifyCollection } from "../../shared/replication/verify.ts";
import { createReplicationWorker, type WorkerOptions } from "../../shared/replication/worker.ts";
import type { Store } from "../../shared/repository/store.ts";
import { value } from "../contract/store.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { MONGODB } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { newUser } from "../setup/users.ts";
import { copied, sideOf } from "./collections.ts";

const collections = [...allCollections, ...copied];

export interface Replication {
  readonly supabase: OwnDatabase;
  readonly source: ReplicationSource;
  readonly replica: Db;
  /** where MongoDB keeps what both databases write */
  readonly home: Db;
  readonly mongo: MongoSide;
  readonly replicaUri: string;
  /** a user who owns rows */
  readonly clerk: string;
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  worker(options?: Partial<WorkerOptions>): ReturnType<typeof createReplicationWorker>;
  collector(options?: Partial<CollectorOptions>): Collector;
  /** the clerk's records in MongoDB, written by a clock of their own */
  store(now?: () => number): Store;
  storeOf(userId: string): Store;
  /** Somebody else. */
  user(): Promise<{ id: string }>;
  backfill(options?: { restart?: boolean }): Promise<Result<number, RepositoryError>>;
  /** Every worker's work is done. */
  drain(): Promise<void>;
  verify(): Promise<Verified["differences"]>;
  /** `count` senders, made by one statement. */
  fill(count: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** Both sides, empty; marks are on. */
export async function startReplication(options: MongoClientOptions = {}): Promise<Replication> {
  const supabase = await startOwnDatabase();
  for (const collection of copied)
    await supabase.sql(`do $script$ begin execute $text$${collectionSql(collection, collections)}$text$; end $script$`);
  const replicaUri = mongoUriFor(`replica_${randomUUID().slice(0, 8)}`);
  const mongo = new MongoClient(replicaUri, options);
  const replica = mongo.db();
  const side = sideOf(mongo);
  const home = side.home();
  await prepareMongo(home, twoWayIn(copied), MONGODB);
  const config = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey };
  const source = supabaseSource(serviceClient(config), copied);
  const { id: clerk } = await newUser({ home: "supabase", on: supabase });
  value(await source.switch(true));
  const worker = (options: Partial<WorkerOptions> = {}) =>
    createReplicationWorker({
      source,
      mongo: side,
      collections: copied,
      log: createLog({ level: "silent" }),
      ...options,
    });
  const collector = (options: Partial<CollectorOptions> = {}) =>
    createCollector({
      source,
      mongo: side,
      collections: twoWayIn(copied),
      log: createLog({ level: "silent" }),
      ...options,
    });
  const storeOf = (userId: string, now: () => number = Date.now) =>
    createMongoStore({ db: home, userId, site: MONGODB.site, all: byName(copied), maxTimeMs: 10_000, now });
  const sql = (text: string, values: readonly unknown[] = []) =>
    supabase.sql(text, values as unknown[]) as Promise<Record<string, unknown>[]>;
  return {
    supabase,
    source,
    replica,
    home,
    mongo: side,
    replicaUri,
    clerk,
    sql,
    worker,
    backfill: (options = {}) =>
      backfill({
        source,
        worker: worker(),
        collector: collector(),
        mongo: side,
        collections: copied,
        limit: 7,
        ...options,
      }),
    collector,
    user: () => newUser({ home: "supabase", on: supabase }),
    store: (now) => storeOf(clerk, now),
    storeOf,
    async drain() {
      value(await copyBothWays({ worker: worker(), collector: collector() }));
    },
    async verify() {
      const found = [];
      for (const collection of copied)
        found.push(...value(await verifyCollection({ source, mongo: side, collection, deep: true })).differences);
      return found;
    },
    async fill(count) {
      const made = await sql(
        `insert into public.senders (clerk_id, id, name)
         select $1, gen_random_uuid(), 'Sender ' || n from generate_series(1, $2::int) n returning id`,
        [clerk, count],
      );
      return made.map(({ id }) => String(id));
    },
    async stop() {
      await Promise.all([replica.dropDatabase(), home.dropDatabase()]);
      await mongo.close();
      await supabase.stop();
    },
  };
}
