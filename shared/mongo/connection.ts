/** The way to the records in MongoDB for as long as an instance lives, whatever happens to the server meanwhile. */
import type { Db, MongoClient } from "mongodb";
import { createMongoClient, type DatabaseSettings, databaseName, type MongoClientSettings } from "./client.ts";

export interface MongoConnection {
  /** Connects with the first call. */
  db(): Db;
  close(): Promise<void>;
}

export interface MongoConnectionSettings extends MongoClientSettings {
  /** told of each client that is made */
  onClient?: ((client: MongoClient) => void) | undefined;
}

/**
 * A client that has been connected finds its server again by itself. One whose first connect fails does not: the driver
 * closes its topology and keeps it, and every later call fails, also when the server is long back (seen). So a client
 * whose topology has closed is replaced at the next call.
 */
export function createMongoConnection(
  config: DatabaseSettings & { MONGODB_URI: string },
  { onClient, ...settings }: MongoConnectionSettings,
): MongoConnection {
  const name = databaseName(config);
  let client: MongoClient | undefined;
  // asked for by every request, and the driver would read all its options again to make another
  let db: Db | undefined;
  const make = () => {
    const made = createMongoClient(config.MONGODB_URI, settings);
    made.once("topologyClosed", () => {
      if (client !== made) return;
      client = undefined;
      db = undefined;
    });
    onClient?.(made);
    return made;
  };
  return {
    db() {
      client ??= make();
      db ??= client.db(name);
      return db;
    },
    close: async () => {
      await client?.close();
      client = undefined;
      db = undefined;
    },
  };
}
