/** What a command works on: the project named by the environment, else the system that `npm start` runs here. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Db } from "mongodb";
import {
  ConfigError,
  type Environment,
  type FunctionConfig,
  loadDevConfig,
  loadFunctionConfig,
} from "../../shared/config.ts";
import { type Deadlines, deadlinesOf } from "../../shared/deadlines.ts";
import { createMongoClient, databaseName } from "../../shared/mongo/client.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { readDevelopment } from "../dev/development-file.ts";

export interface Connection {
  config: FunctionConfig;
  deadlines: Deadlines;
  service: SupabaseClient;
  assignments: ReturnType<typeof createAssignments>;
  /** undefined: MongoDB is not configured */
  mongo: (() => Promise<Db>) | undefined;
}

/** Settings of the environment; when it names no Supabase, those of the running development system. */
async function settings(env: Environment): Promise<FunctionConfig> {
  const named = ["SUPABASE_URL", "SUPABASE_SECRET_KEY", "NEXT_PUBLIC_SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"];
  if (named.some((name) => env[name])) return loadFunctionConfig(env);
  const running = await readDevelopment(loadDevConfig(env).SWITCHYARD_DATA);
  if (running)
    return loadFunctionConfig({
      ...running.deadlines,
      ...env,
      SUPABASE_URL: running.url,
      SUPABASE_SECRET_KEY: running.secretKey,
      MONGODB_URI: running.mongoUri,
    });
  throw new ConfigError([
    "SUPABASE_URL and SUPABASE_SECRET_KEY are not set, and no system runs here.",
    "Set them to work on a project, or run npm start first to work on the development system.",
  ]);
}

/** Runs the work with clients, and closes them. Nothing is connected before it is used. */
export async function connected<T>(env: Environment, work: (connection: Connection) => Promise<T>): Promise<T> {
  const config = await settings(env);
  const deadlines = deadlinesOf(config);
  const service = serviceClient(config, { timeoutMs: deadlines.callMs });
  const uri = config.MONGODB_URI;
  const client = uri === undefined ? undefined : createMongoClient(uri, { appName: "switchyard-cli", deadlines });
  const mongo = client && (async () => client.db(databaseName(uri ?? "", config.MONGODB_DATABASE)));
  try {
    return await work({ config, deadlines, service, assignments: createAssignments(service), mongo });
  } finally {
    await client?.close();
  }
}
