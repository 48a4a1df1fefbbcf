/**
 * A stand-in for MongoDB where none is given: the wire protocol on `bson`, kept in SQLite. As small as this project's
 * needs, for development and tests; what it leaves out it refuses by name. Start a real server with MONGODB_URI.
 */
import { Cursors } from "./cursors.ts";
import { Engine } from "./engine.ts";
import { listen } from "./server.ts";
import { Sessions } from "./sessions.ts";

export const description = "embedded MongoDB stand-in (not MongoDB; set MONGODB_URI to use a real server)";

/** MongoDB's own monitor of documents looks once a minute, and transactions are to end soon after their time. */
const REAP_EVERY_MS = 30_000;

export interface StandIn {
  readonly uri: string;
  readonly port: number;
  /** Takes away what is over at that time: documents, cursors, sessions, transactions. It does so by itself twice a minute. */
  reap(now: number): void;
  stop(): Promise<void>;
}

export interface StandInOptions {
  port: number;
  file: string;
  /** as mongod's parameter: how long a transaction may be open */
  transactionLifetimeLimitSeconds?: number;
}

/** Starts a stand-in on 127.0.0.1. Port 0 takes a free one; the file ":memory:" keeps nothing. */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { file, transactionLifetimeLimitSeconds = 60 } = options;
  const engine = new Engine(file);
  const sessions = new Sessions(engine, transactionLifetimeLimitSeconds * 1_000);
  const server = { engine, sessions, cursors: new Cursors() };
  const listening = await listen(server, options.port).catch((error) => {
    server.engine.close();
    throw error;
  });
  const reap = (now: number) => {
    server.engine.reap(now);
    server.cursors.reap(now);
    sessions.reap(now);
  };
  const reaper = setInterval(() => reap(Date.now()), REAP_EVERY_MS);
  reaper.unref();
  return {
    uri: `mongodb://127.0.0.1:${listening.port}`,
    port: listening.port,
    reap,
    async stop() {
      clearInterval(reaper);
      await listening.close();
      sessions.close();
      server.engine.close();
    },
  };
}
