/** The copy in MongoDB of what has its primary in Supabase, and what works on it. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Db, MongoClient } from "mongodb";
import type { Deadlines } from "../deadlines.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import { createMongoClient } from "../mongo/client.ts";
import { replicaDatabaseName } from "../mongo/database-name.ts";
import { copiedTo, REPLICA_HOLDER } from "../placement/kept-collections.ts";
import type { RegistryConfig } from "../placement/registry.ts";
import { type ReplicationSource, supabaseSource } from "../replication/source.ts";
import { createReplicationWorker, type ReplicationWorker, type WorkerOptions } from "../replication/worker.ts";

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

export interface OpenReplication {
  source: ReplicationSource;
  /** those that have a copy; none where the application has defined none */
  collections: readonly Collection[];
  /** undefined where no MongoDB is configured, and so no copy */
  copy: { replica: () => Db; worker: ReplicationWorker } | undefined;
  close(): Promise<void>;
}

/** Connects to nothing before it is used. */
export function openReplication(options: OpenReplicationOptions): OpenReplication {
  const { config, service, deadlines, log, appName } = options;
  const collections = copiedTo(REPLICA_HOLDER, options.collections);
  const source = supabaseSource(service, collections);
  const holder = config.databases.find(({ name }) => name === REPLICA_HOLDER);
  let client: MongoClient | undefined;
  if (!holder) return { source, collections, copy: undefined, close: async () => {} };
  const { url } = holder;
  const replica = () => {
    client ??= createMongoClient(url, { appName, deadlines });
    return client.db(replicaDatabaseName(url, config.MONGODB_DATABASE, config.MONGODB_REPLICA_DATABASE));
  };
  const worker = createReplicationWorker({ source, replica, collections, log, ...options.worker });
  return {
    source,
    collections,
    copy: { replica, worker },
    async close() {
      await client?.close();
    },
  };
}
