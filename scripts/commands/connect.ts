/** What a command works on: the project named by the environment, else the system that `npm start` runs here. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { allCollections } from "../../shared/collections/index.ts";
import {
  ConfigError,
  type Environment,
  type FunctionConfig,
  loadDevConfig,
  loadFunctionConfig,
} from "../../shared/config.ts";
import { type Deadlines, deadlinesOf } from "../../shared/deadlines.ts";
import { type Assignments, createAssignments } from "../../shared/placement/assignment.ts";
import { closeAll, createRegistry, type Registry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { readDevelopment } from "../dev/development-file.ts";
import { readDataPlane } from "../migration-files.ts";

export interface Connection {
  config: FunctionConfig;
  deadlines: Deadlines;
  assignments: Assignments;
  /** every database that is configured, Supabase's own among them */
  registry: Registry;
  /** a client of the control plane with the secret key */
  service: SupabaseClient;
}

/** The environment; when it names no Supabase, with the settings of the running development system. Throws `ConfigError`. */
export async function settingsOf(env: Environment): Promise<Environment> {
  const named = ["SUPABASE_URL", "SUPABASE_SECRET_KEY", "NEXT_PUBLIC_SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"];
  if (named.some((name) => env[name])) return env;
  const running = await readDevelopment(loadDevConfig(env).SWITCHYARD_DATA);
  if (running) {
    // where the environment's own leads is another system's
    const { DATABASE_URL: _, SUPABASE_DB_URL: __, ...own } = env;
    return {
      ...running.deadlines,
      ...running.settings,
      ...own,
      SUPABASE_URL: running.url,
      SUPABASE_SECRET_KEY: running.secretKey,
      ...running.databases,
    };
  }
  throw new ConfigError([
    "SUPABASE_URL and SUPABASE_SECRET_KEY are not set, and no system runs here.",
    "Set them to work on a project, or run npm start first to work on the development system.",
  ]);
}

/** Runs the work, and closes what it has opened. Nothing is connected before it is used. */
export async function connected<T>(env: Environment, work: (connection: Connection) => Promise<T>): Promise<T> {
  const config = loadFunctionConfig(await settingsOf(env));
  const deadlines = deadlinesOf(config);
  const service = serviceClient(config, { timeoutMs: deadlines.callMs });
  const registry = createRegistry({
    config,
    service,
    collections: allCollections,
    deadlines,
    appName: "switchyard-cli",
    schema: readDataPlane,
  });
  try {
    return await work({ config, deadlines, assignments: createAssignments(service), registry, service });
  } finally {
    await closeAll(registry);
  }
}
