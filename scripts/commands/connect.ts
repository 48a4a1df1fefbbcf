/** What a command works on: the project named by the environment, else the system that `npm start` runs here. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Db } from "mongodb";
import { allCollections } from "../../shared/collections/index.ts";
import {
  ConfigError,
  type ConfiguredDatabase,
  type Environment,
  type FunctionConfig,
  loadDevConfig,
  loadFunctionConfig,
} from "../../shared/config.ts";
import { type Deadlines, deadlinesOf } from "../../shared/deadlines.ts";
import { createMongoClient, databaseName } from "../../shared/mongo/client.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import type { Preparable } from "../../shared/operations/prepare-databases.ts";
import { type Assignments, createAssignments } from "../../shared/placement/assignment.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { readDevelopment } from "../dev/development-file.ts";

export interface Connection {
  config: FunctionConfig;
  deadlines: Deadlines;
  service: SupabaseClient;
  assignments: Assignments;
  /** every home that is configured beside Supabase's own */
  databases: readonly Preparable[];
  /** undefined: MongoDB is not configured */
  mongo: (() => Promise<Db>) | undefined;
}

/** Settings of the environment; when it names no Supabase, those of the running development system. */
async function settings(env: Environment): Promise<FunctionConfig> {
  const named = ["SUPABASE_URL", "SUPABASE_SECRET_KEY", "NEXT_PUBLIC_SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"];
  if (named.some((name) => env[name])) return loadFunctionConfig(env);
  const running = await readDevelopment(loadDevConfig(env).SWITCHYARD_DATA);
  if (running) {
    // where the environment's own leads is another system's
    const { DATABASE_URL: _, SUPABASE_DB_URL: __, ...own } = env;
    return loadFunctionConfig({
      ...running.deadlines,
      ...own,
      SUPABASE_URL: running.url,
      SUPABASE_SECRET_KEY: running.secretKey,
      ...running.databases,
    });
  }
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
  const homes = config.databases
    .filter(({ kind }) => kind === "mongodb")
    .map((home) => mongoHome(home, config, deadlines));
  const mongo = homes.find(({ name }) => name === "mongodb")?.db;
  try {
    return await work({ config, deadlines, service, assignments: createAssignments(service), databases: homes, mongo });
  } finally {
    await Promise.all(homes.map((home) => home.close()));
  }
}

function mongoHome({ name, url }: ConfiguredDatabase, { MONGODB_DATABASE }: FunctionConfig, deadlines: Deadlines) {
  const client = createMongoClient(url, { appName: "switchyard-cli", deadlines });
  const database = databaseName({ MONGODB_URI: url, ...(name === "mongodb" ? { MONGODB_DATABASE } : {}) });
  const db = async () => client.db(database);
  return {
    name,
    title: name === "mongodb" ? "MongoDB" : name,
    kind: "mongodb" as const,
    db,
    system: { prepare: async () => prepareMongo(await db(), allCollections) },
    close: () => client.close(),
  };
}
