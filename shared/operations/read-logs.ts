/** What the application has kept of its log, for the operator. */
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Deadlines } from "../deadlines.ts";
import { type AppLogQuery, readAppLogs } from "../mongo/app-logs.ts";
import { createMongoClient } from "../mongo/client.ts";
import { databaseName } from "../mongo/database-name.ts";
import { attempt } from "../mongo/failures.ts";
import { REPLICA_HOLDER } from "../placement/kept-collections.ts";
import type { RegistryConfig } from "../placement/registry.ts";

export interface OpenAppLogs {
  /** Lines of JSON, the oldest first. Errors: those of a call to MongoDB. */
  read(query: AppLogQuery): Promise<Result<string[], RepositoryError>>;
  close(): Promise<void>;
}

/** Undefined where no MongoDB is configured. Connects with the first call. */
export function openAppLogs(options: {
  config: Pick<RegistryConfig, "databases" | "MONGODB_DATABASE">;
  deadlines: Deadlines;
  /** shown in MongoDB's own list of connections */
  appName: string;
}): OpenAppLogs | undefined {
  const { config, deadlines, appName } = options;
  const holder = config.databases.find(({ name }) => name === REPLICA_HOLDER);
  if (!holder) return undefined;
  const client = createMongoClient(holder.url, { appName, deadlines });
  const db = client.db(databaseName(holder.url, config.MONGODB_DATABASE));
  return {
    read: (query) => attempt(async () => ok(await readAppLogs(db, query, deadlines.statisticsMs))),
    close: () => client.close(),
  };
}
