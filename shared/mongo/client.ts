/** MongoDB clients on which nothing waits for ever: the driver's own defaults are 30 s and none. */
import { MongoClient, type MongoClientOptions, MongoDriverError } from "mongodb";
import { type Deadlines, deadlinesOf } from "../deadlines.ts";
import { isOfFile, UnusableUrl } from "../repository/unusable-url.ts";

export interface MongoClientSettings {
  /** shown in the server's logs and currentOp */
  appName: string;
  deadlines?: Pick<Deadlines, "connectMs" | "socketMs">;
  maxPoolSize?: number;
}

/** Names what is wrong with those parts of the URL that are read when it connects: files, and what DNS adds to `mongodb+srv`. */
class Client extends MongoClient {
  override async connect(): Promise<this> {
    try {
      return await super.connect();
    } catch (error) {
      throw isOfFile(error) || isOfUrl(error) ? new UnusableUrl(error) : error;
    }
  }
}

const isOfUrl = (error: unknown): boolean =>
  error instanceof MongoDriverError && /^Mongo(Parse|API|MissingCredentials|MissingDependency)Error$/.test(error.name);

/**
 * Makes a client; it connects with the first call. Meant to be shared by all requests of an instance. Throws `UnusableUrl`,
 * as may any of its calls.
 */
export function createMongoClient(
  uri: string,
  { appName, deadlines: { connectMs, socketMs } = deadlinesOf(), maxPoolSize = 10 }: MongoClientSettings,
): MongoClient {
  const options: MongoClientOptions = {
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
  };
  try {
    return new Client(uri, options);
  } catch (error) {
    // it reads nothing but the URL here, whatever class it throws: parse, argument and URI errors have been seen
    throw new UnusableUrl(error);
  }
}
