/**
 * Warnings and errors, kept in MongoDB behind whatever wrote them, for `switchyard logs`. On a connection of its own: what
 * requests wait for is not waited for here, nor the other way round. It writes no log itself, whatever happens.
 */
import { uuidv7 } from "uuidv7";
import type { Deadlines } from "../deadlines.ts";
import type { AppLog } from "../mongo/app-logs.ts";
import type { MongoConnection } from "../mongo/connection.ts";
import { databaseName } from "../mongo/database-name.ts";
import { REPLICA_HOLDER } from "../placement/kept-collections.ts";
import type { RegistryConfig } from "../placement/registry.ts";
import { loadOnce } from "../values/load-once.ts";
import { createWriteBehind, type WriteBehindStats } from "../write-behind.ts";

export interface LogKeeper {
  /** A line of the log. Never waits, and never throws. */
  keep(line: string): void;
  stats(): WriteBehindStats;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface LogKeeperOptions {
  config: Pick<RegistryConfig, "databases" | "MONGODB_DATABASE"> & { LOG_TO_MONGODB: "0" | "1" };
  deadlines: Deadlines;
  /** shown in MongoDB's own list of connections, with `-logs` behind */
  appName: string;
  /** milliseconds, of any beginning */
  clock?: () => number;
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** told of each pool of connections that is made */
  onPool?: ((pool: unknown) => void) | undefined;
}

/** With lines of at most 8,000 characters, 8 MB of them at most. */
const LIMIT = 1_000;
const MAX_LINE = 8_000;
const BATCH_SIZE = 100;
const PAUSE_MS = 10_000;

/** Undefined where they are not to be kept. Connects to nothing, and loads no driver, before there is something to keep. */
export function createLogKeeper(options: LogKeeperOptions): LogKeeper | undefined {
  const { config, deadlines, appName, clock, waitUntil, onPool } = options;
  const holder = config.databases.find(({ name }) => name === REPLICA_HOLDER);
  if (config.LOG_TO_MONGODB === "0" || !holder) return undefined;
  const { url } = holder;
  let connection: MongoConnection | undefined;
  let isPrepared = false;
  const load = loadOnce(async () => {
    const [{ prepareAppLogs, writeAppLogs }, { createMongoConnection }] = await Promise.all([
      import("../mongo/app-logs.ts"),
      import("../mongo/connection.ts"),
    ]);
    connection = createMongoConnection(url, databaseName(url, config.MONGODB_DATABASE), {
      ...{ appName: `${appName}-logs`, deadlines, maxPoolSize: 1, onClient: onPool },
    });
    return { prepareAppLogs, writeAppLogs, connection };
  });

  const queue = createWriteBehind<AppLog>({
    ...{ limit: LIMIT, batchSize: BATCH_SIZE, pauseMs: PAUSE_MS, waitUntil },
    ...(clock && { clock }),
    // how an outage began is what is looked for
    sendsAgain: true,
    async write(logs) {
      try {
        const { prepareAppLogs, writeAppLogs, connection: opened } = await load();
        const db = opened.db();
        if (!isPrepared) await prepareAppLogs(db);
        isPrepared = true;
        return { failed: await writeAppLogs(db, logs), isAway: false };
      } catch {
        return { failed: logs, isAway: true };
      }
    },
  });

  return {
    keep: (line) => queue.push(appLogOf(line)),
    stats: queue.stats,
    settled: queue.settled,
    async close() {
      await queue.settled();
      await connection?.close();
    },
  };
}

/** Of a line that the log has written. */
function appLogOf(line: string): AppLog {
  const { time, level, event, request_id } = JSON.parse(line) as Record<string, unknown>;
  const cut = { time, level, event, request_id, cut: line.slice(0, MAX_LINE) };
  return {
    id: uuidv7(),
    at: new Date(String(time)),
    level: String(level),
    event: String(event),
    request_id: typeof request_id === "string" ? request_id : null,
    line: line.length > MAX_LINE ? JSON.stringify(cut) : line,
  };
}
