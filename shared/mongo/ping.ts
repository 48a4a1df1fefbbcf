/**
 * Whether the server answers, asked on a connection of its own. Through the pool of the requests, one caller with as many
 * slow queries as it has connections would make the server look down to everybody.
 */
import type { MongoClient } from "mongodb";
import type { Deadlines } from "../deadlines.ts";
import { createMongoClient } from "./client.ts";

export interface MongoPing {
  /** What `read` finds, on that connection. Rejects with the driver's error when the server does not answer. */
  ask<T>(read: (client: MongoClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The client looks after the server all the time, so it is not kept for the next outage. */
const IDLE_MS = 30_000;

/** Connects with the first call. */
export function createMongoPing(
  uri: string,
  { appName, deadlines: { connectMs, stuckMs } }: { appName: string; deadlines: Deadlines },
): MongoPing {
  let client: MongoClient | undefined;
  let idle: NodeJS.Timeout | undefined;
  const drop = async (made: MongoClient) => {
    if (client === made) client = undefined;
    await made.close();
  };
  return {
    async ask(read) {
      // longer than anybody waits for it: until then, whoever asks next waits for the same connection
      client ??= createMongoClient(uri, { appName, maxPoolSize: 1, deadlines: { connectMs, socketMs: stuckMs } });
      const asked = client;
      clearTimeout(idle);
      idle = setTimeout(() => void drop(asked).catch(() => undefined), IDLE_MS);
      idle.unref?.();
      try {
        return await read(asked);
      } catch (error) {
        // one whose first connect fails stays as it is for ever, and so does a call on a connection that leads nowhere
        void drop(asked).catch(() => undefined);
        throw error;
      }
    },
    async close() {
      clearTimeout(idle);
      if (client) await drop(client);
    },
  };
}
