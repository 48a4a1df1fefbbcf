/**
 * The home in MongoDB, loaded by the first request that needs it: the driver is more than a third of the function's cold
 * start, which users at home in Supabase need not wait for.
 */
import type { Db, MongoClient } from "mongodb";
import type { Deadlines } from "../deadlines.ts";
import type { Collection } from "../definition/define.ts";
import type { MongoRepositories } from "../mongo/index.ts";

export interface MongoHomeOptions {
  config: { MONGODB_URI: string; MONGODB_DATABASE?: string | undefined };
  collections: readonly Collection[];
  deadlines: Deadlines;
  /** told of each client that is made */
  onClient: ((client: MongoClient) => void) | undefined;
}

export interface MongoHome {
  /** Connects with the first call. */
  db(): Promise<Db>;
  /** Whether the server answers, however busy the requests' connections are; rejects when it does not. */
  ping(): Promise<void>;
  /** The repositories of one user. */
  repositories(userId: string): Promise<MongoRepositories>;
  close(): Promise<void>;
}

export function createMongoHome({ config, collections, deadlines, onClient }: MongoHomeOptions): MongoHome {
  const load = async () => {
    const [{ createMongoConnection }, { createMongoPing }, { mongoRepositories }] = await Promise.all([
      import("../mongo/connection.ts"),
      import("../mongo/ping.ts"),
      import("../mongo/index.ts"),
    ]);
    return {
      connection: createMongoConnection(config, { appName: "switchyard-api", onClient, deadlines }),
      pinging: createMongoPing(config.MONGODB_URI, { appName: "switchyard-api-health", deadlines }),
      mongoRepositories,
    };
  };
  let loaded: ReturnType<typeof load> | undefined;
  const loadOnce = () => {
    loaded ??= load().catch((error) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
  return {
    db: async () => (await loadOnce()).connection.db(),
    ping: async () => (await loadOnce()).pinging.ping(),
    async repositories(userId) {
      const { connection, mongoRepositories } = await loadOnce();
      return mongoRepositories({ db: connection.db(), userId, all: collections, maxTimeMs: deadlines.queryMs });
    },
    async close() {
      const { connection, pinging } = (await loaded?.catch(() => undefined)) ?? {};
      await Promise.all([connection?.close(), pinging?.close()]);
    },
  };
}
