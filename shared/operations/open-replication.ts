/** Both sides of what is copied between Supabase and MongoDB, and what works on it. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { MongoClient } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Deadlines } from "../deadlines.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import type { Log } from "../log.ts";
import { createMongoClient } from "../mongo/client.ts";
import { databaseName, replicaDatabaseName } from "../mongo/database-name.ts";
import { attempt } from "../mongo/failures.ts";
import { rememberSelf } from "../mongo/remembered-self.ts";
import { readUnsent } from "../mongo/unsent-state.ts";
import { titleOf } from "../placement/database-names.ts";
import { copiedTo, REPLICA_HOLDER } from "../placement/kept-collections.ts";
import type { RegistryConfig } from "../placement/registry.ts";
import { type BothReport, copyBothWays } from "../replication/both-ways.ts";
import { type Collector, createCollector } from "../replication/collector.ts";
import { type MongoSide, twoWayIn } from "../replication/mongo-side.ts";
import { promotedIn } from "../replication/promotion.ts";
import { type ReplicationSource, supabaseSource } from "../replication/source.ts";
import { readDead, retryAll } from "../replication/unsent.ts";
import { createReplicationWorker, type ReplicationWorker, type WorkerOptions } from "../replication/worker.ts";
import type { UnsentState } from "../repository/database.ts";

export interface OpenReplicationOptions {
  config: Pick<RegistryConfig, "databases" | "MONGODB_DATABASE" | "MONGODB_REPLICA_DATABASE">;
  /** with the secret key */
  service: SupabaseClient;
  collections: readonly Collection[];
  deadlines: Deadlines;
  log: Log;
  /** shown in MongoDB's own list of connections */
  appName: string;
  worker?: Pick<WorkerOptions, "limit" | "leaseSeconds">;
}

interface DeadDocument {
  collection: string;
  id: string;
  attempts: number;
  error: string;
}

export interface OpenCopy {
  mongo: MongoSide;
  worker: ReplicationWorker;
  collector: Collector;
  /**
   * `misconfigured`: the database of the records is another one than its URL is configured for. To be asked before anything
   * is written there.
   */
  ready(): Promise<Result<unknown, RepositoryError>>;
  /** What MongoDB has that Supabase does not, of what both take writes of. */
  unsent(): Promise<Result<UnsentState[], RepositoryError>>;
  /** Of that, what was set aside, of each collection the latest, at most `limit`. */
  dead(limit: number): Promise<Result<DeadDocument[], RepositoryError>>;
  /** Has it tried once more with the next run, and what has failed so far. How many. */
  retry(): Promise<Result<number, RepositoryError>>;
  /** Both directions, as `copyBothWays`. */
  run(timeoutMs?: number): Promise<Result<BothReport, RepositoryError>>;
}

export interface OpenReplication {
  source: ReplicationSource;
  /** those that have a copy, or that both databases take writes of; none where the application has defined none */
  collections: readonly Collection[];
  /** undefined where no MongoDB is configured, and so no copy */
  copy: OpenCopy | undefined;
  close(): Promise<void>;
}

/** Connects to nothing before it is used. */
export function openReplication(options: OpenReplicationOptions): OpenReplication {
  const { config, service, deadlines, log, appName } = options;
  const collections = options.collections.filter(
    (collection) => isTwoWay(collection) || copiedTo(REPLICA_HOLDER, [collection]).length > 0,
  );
  const source = supabaseSource(service, collections);
  const holder = config.databases.find(({ name }) => name === REPLICA_HOLDER);
  let client: MongoClient | undefined;
  if (!holder) return { source, collections, copy: undefined, close: async () => {} };
  const { url } = holder;
  const database = (name: string) => {
    client ??= createMongoClient(url, { appName, deadlines });
    return client.db(name);
  };
  const mongo: MongoSide = {
    replica: () => database(replicaDatabaseName(url, config.MONGODB_DATABASE, config.MONGODB_REPLICA_DATABASE)),
    home: () => database(databaseName(url, config.MONGODB_DATABASE)),
  };
  const worker = createReplicationWorker({ source, mongo, collections, log, ...options.worker });
  const { limit } = options.worker ?? {};
  const both = twoWayIn(collections);
  const named = { name: REPLICA_HOLDER, title: titleOf(REPLICA_HOLDER) };
  const self = rememberSelf(mongo.home, named, deadlines.queryMs);
  const ready = async () => (both.length > 0 ? self() : ok(undefined));
  const promoted = promotedIn({ source, mongo, collections });
  const collector = createCollector({
    source,
    mongo,
    collections: both,
    promoted,
    log,
    ...(limit !== undefined && { limit }),
  });
  return {
    source,
    collections,
    copy: {
      ...{ mongo, worker, collector },
      unsent: () =>
        attempt(async () =>
          ok(both.length === 0 ? [] : await readUnsent(mongo.home(), both, Date.now(), deadlines.statisticsMs)),
        ),
      dead: (most) =>
        attempt(async () =>
          ok(
            (
              await Promise.all(
                both.map(async ({ name }) =>
                  (await readDead(mongo.home().collection(name), most)).map((row) => ({ collection: name, ...row })),
                ),
              )
            ).flat(),
          ),
        ),
      retry: () =>
        attempt(async () => {
          let count = 0;
          for (const { name } of both) count += await retryAll(mongo.home().collection(name));
          return ok(count);
        }),
      ready,
      async run(timeoutMs) {
        const known = await ready();
        return known.isErr() ? err(known.error) : copyBothWays({ worker, collector }, timeoutMs);
      },
    },
    async close() {
      await client?.close();
    },
  };
}
