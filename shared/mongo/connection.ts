/** The way to the records in MongoDB for as long as an instance lives, whatever happens to the server meanwhile. */
import type { Db, MongoClient } from "mongodb";
import { type Deadlines, deadlinesOf } from "../deadlines.ts";
import { createMongoClient, type MongoClientSettings } from "./client.ts";

export interface MongoConnection {
  /** Connects with the first call. To be asked for again by each piece of work: the client behind it may be replaced. */
  db(): Db;
  close(): Promise<void>;
}

export interface MongoConnectionSettings extends MongoClientSettings {
  deadlines?: Deadlines;
  /** told of each client that is made */
  onClient?: ((client: MongoClient) => void) | undefined;
  /** milliseconds, of any beginning */
  clock?: () => number;
}

/**
 * A client that has been connected finds its server again by itself, with two exceptions, after which it is replaced:
 * - One whose first connect fails: the driver closes its topology and keeps it, and every later call fails, also when
 *   the server is long back (seen).
 * - One with a call that never ends. A call that is written after the server has closed the connection, and before the
 *   driver has noticed, waits for ever for a `drain` (seen; mongodb 7.8 and 7.9, `Connection.writeCommand`), and its
 *   connection is never given back: after `maxPoolSize` of them, no call gets one. Other calls of a client that is
 *   replaced for this end as they would have, so that a call that is only slow is no harm.
 */
export function createMongoConnection(
  url: string,
  name: string,
  { onClient, clock = () => performance.now(), deadlines = deadlinesOf(), ...settings }: MongoConnectionSettings,
): MongoConnection {
  const retired = new Map<MongoClient, NodeJS.Timeout>();
  let client: MongoClient | undefined;
  // asked for by every request, and the driver would read all its options again to make another
  let db: Db | undefined;
  let heldSince: () => number | undefined = () => undefined;

  const forget = (made: MongoClient) => {
    if (client !== made) return;
    client = undefined;
    db = undefined;
  };
  const close = async (made: MongoClient) => {
    clearTimeout(retired.get(made));
    retired.delete(made);
    await made.close();
  };
  const retire = (made: MongoClient) => {
    forget(made);
    // by then its calls have ended by their own limits, and what it still holds is lost anyway
    const timer = setTimeout(() => void close(made).catch(() => undefined), 1.5 * deadlines.socketMs);
    timer.unref?.();
    retired.set(made, timer);
  };
  const make = () => {
    const made = createMongoClient(url, { ...settings, deadlines });
    made.once("topologyClosed", () => forget(made));
    heldSince = watchConnections(made, clock);
    onClient?.(made);
    return made;
  };
  return {
    db() {
      const since = heldSince();
      if (client && since !== undefined && clock() - since > deadlines.stuckMs) retire(client);
      client ??= make();
      db ??= client.db(name);
      return db;
    },
    close: async () => {
      const all = [...retired.keys(), ...(client ? [client] : [])];
      client = undefined;
      db = undefined;
      await Promise.all(all.map(close));
    },
  };
}

/** Says since when the connection that was taken first, of those that calls hold, has been held. */
function watchConnections(client: MongoClient, clock: () => number): () => number | undefined {
  const held = new Map<string, number>();
  const key = ({ address, connectionId }: { address: string; connectionId: number | "<monitor>" }) =>
    `${address} ${connectionId}`;
  client.on("connectionCheckedOut", (event) => held.set(key(event), clock()));
  client.on("connectionCheckedIn", (event) => held.delete(key(event)));
  return () => held.values().next().value;
}
