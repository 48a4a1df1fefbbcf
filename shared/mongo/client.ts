/** MongoDB clients on which nothing waits for ever: the driver's own defaults are 30 s and none. */
import { MongoClient } from "mongodb";
import { type Deadlines, deadlinesOf } from "../deadlines.ts";

export interface MongoClientSettings {
  /** shown in the server's logs and currentOp */
  appName: string;
  deadlines?: Pick<Deadlines, "connectMs" | "socketMs">;
  maxPoolSize?: number;
}

/** Makes a client; it connects with the first call. Meant to be shared by all requests of an instance. */
export function createMongoClient(
  uri: string,
  { appName, deadlines: { connectMs, socketMs } = deadlinesOf(), maxPoolSize = 10 }: MongoClientSettings,
): MongoClient {
  return new MongoClient(uri, {
    appName,
    maxPoolSize,
    minPoolSize: 0,
    // an idle function is frozen: its sockets would be dead when it wakes
    maxIdleTimeMS: 5_000,
    serverSelectionTimeoutMS: connectMs,
    connectTimeoutMS: connectMs,
    socketTimeoutMS: socketMs,
    waitQueueTimeoutMS: connectMs,
    // what a look may take is also how often there is one, and not less often than the driver would
    heartbeatFrequencyMS: Math.min(connectMs, 10_000),
    writeConcern: { w: "majority" },
    retryWrites: false,
    retryReads: false,
    ignoreUndefined: false,
  });
}

/**
 * The database that holds the records at a URL: `named`, else the one in the URL, else `switchyard`. The driver's own
 * default is `test`; whoever leaves the choice to it looks into another database than the API.
 */
export function databaseName(url: string, named?: string): string {
  const inUrl = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return named ?? (inUrl ? decodeURIComponent(inUrl) : "switchyard");
}
