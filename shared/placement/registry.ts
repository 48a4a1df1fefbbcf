/**
 * Every database that is configured here, by the name that its row in `switchyard.databases` has. Engines are loaded by the
 * first request that needs them: MongoDB's driver alone is more than a third of a function's cold start, which users at
 * home elsewhere need not wait for.
 */

import type { SupabaseClient } from "@supabase/supabase-js";
import { ok } from "neverthrow";
import type { Deadlines } from "../deadlines.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import type { MongoOptions } from "../mongo/database.ts";
import { replicaDatabaseName } from "../mongo/database-name.ts";
import type { ReplicaOptions } from "../mongo/replica.ts";
import { supabaseDatabase } from "../postgres/supabase-database.ts";
import type { Database, Engine, EngineOptions, Replica } from "../repository/database.ts";
import { DEFAULT_QUOTA, type Quota } from "../repository/quotas.ts";
import { loadOnce } from "../values/load-once.ts";
import type { ConfiguredDatabase } from "./configured-databases.ts";
import { CONTROL_PLANE, titleOf } from "./database-names.ts";
import { copiedTo, keptIn } from "./kept-collections.ts";

export interface RegistryConfig {
  SUPABASE_URL: string;
  /** not needed where no user's calls are made */
  SUPABASE_PUBLISHABLE_KEY?: string | undefined;
  /** the direct way to Supabase's own Postgres; without it, through REST */
  DATABASE_URL?: string | undefined;
  MONGODB_DATABASE?: string | undefined;
  /** by default the home's own with `_replica` behind */
  MONGODB_REPLICA_DATABASE?: string | undefined;
  /** of each user; null: no limit */
  QUOTA_RECORDS?: number | null | undefined;
  QUOTA_BYTES?: number | null | undefined;
  /** how old an instance's list of who is moving may be; 20 unless told, and the same for all instances and workers */
  MOVE_NOTICE_SECONDS?: number | undefined;
  databases: readonly ConfiguredDatabase[];
}

export interface RegistryOptions extends Pick<EngineOptions, "maxPoolSize" | "schema" | "clock" | "ageClock"> {
  config: RegistryConfig;
  /** with the secret key */
  service: SupabaseClient;
  collections: readonly Collection[];
  deadlines: Deadlines;
  /** shown in the servers' own lists of connections */
  appName: string;
  /** as of `EngineOptions`, and told whose it is */
  onPool?: ((pool: unknown, database: string) => void) | undefined;
  /** reads, in the database of the copies, up to when they are complete */
  completeUpTo?: ReplicaOptions["completeUpTo"];
}

export type Registry = ReadonlyMap<string, Database>;

const MAKERS: Readonly<Record<Engine, (options: MongoOptions) => Promise<Database>>> = {
  mongodb: async (options) => (await import("../mongo/database.ts")).mongoDatabase(options),
  postgres: async (options) => (await import("../postgres/direct/database.ts")).postgresDatabase(options),
};

/** Supabase first, then the others in the order of the configuration. Connects to nothing. */
export function createRegistry(given: RegistryOptions): Registry {
  const { config, service, deadlines, completeUpTo, onPool, ...options } = given;
  const { appName, maxPoolSize, collections } = options;
  const poolOf = (name: string) => onPool && ((pool: unknown) => onPool(pool, name));
  const direct =
    config.DATABASE_URL === undefined
      ? undefined
      : { url: config.DATABASE_URL, appName, maxPoolSize, onPool: poolOf(CONTROL_PLANE) };
  const { QUOTA_RECORDS = DEFAULT_QUOTA.records, QUOTA_BYTES = DEFAULT_QUOTA.bytes } = config;
  const quota: Quota = { records: QUOTA_RECORDS, bytes: QUOTA_BYTES };
  const supabase = supabaseDatabase({ name: CONTROL_PLANE, config, service, deadlines, collections, quota, direct });
  const replicaAt = (name: string, url: string): ReplicaOptions | undefined => {
    const copied = copiedTo(name, collections);
    if (copied.length === 0) return undefined;
    const database = replicaDatabaseName(url, config.MONGODB_DATABASE, config.MONGODB_REPLICA_DATABASE);
    return { database, collections: copied, completeUpTo };
  };
  const others = config.databases.map(({ name, kind, url }) =>
    lazily({
      ...options,
      onPool: poolOf(name),
      // its migrations make every table in a Postgres
      collections: kind === "mongodb" ? keptIn(name, collections) : collections,
      replica: kind === "mongodb" ? replicaAt(name, url) : undefined,
      name,
      kind,
      url,
      deadlines,
      quota,
      noticeMs: config.MOVE_NOTICE_SECONDS === undefined ? undefined : config.MOVE_NOTICE_SECONDS * 1_000,
      title: titleOf(name),
      database: name === "mongodb" ? config.MONGODB_DATABASE : undefined,
    }),
  );
  return new Map([supabase, ...others].map((database) => [database.name, database]));
}

export const closeAll = async (registry: Registry): Promise<void> => {
  await Promise.all([...registry.values()].map((database) => database.close()));
};

function lazily({ kind, ...options }: MongoOptions & { kind: Engine }): Database {
  const load = loadOnce(() => MAKERS[kind](options));
  const replica = async (): Promise<Replica> => {
    const loaded = (await load()).replica;
    if (!loaded) throw new Error(`${options.name} keeps no copies`);
    return loaded;
  };
  return {
    name: options.name,
    title: options.title,
    kind,
    // another Postgres has no REST
    ...(kind === "postgres" && { path: "direct" }),
    scoped: async (caller) => (await load()).scoped(caller),
    usage: async (userId) => (await load()).usage(userId),
    holdings: async (userId) => (await load()).holdings(userId),
    ...(options.collections.some(isTwoWay) && {
      unsent: async () => (await (await load()).unsent?.()) ?? ok([]),
    }),
    ...(options.replica && {
      replica: {
        scoped: async (caller) => (await replica()).scoped(caller),
        completeUpTo: async () => (await replica()).completeUpTo(),
        promotions: async () => (await replica()).promotions(),
        writable: async (caller) => (await replica()).writable(caller),
      } satisfies Replica,
    }),
    system: {
      probe: async () => (await load()).system.probe(),
      prepare: async (self) => (await load()).system.prepare(self),
      limit: async () => (await load()).system.limit(),
      purge: async (userId) => (await load()).system.purge(userId),
      size: async () => (await load()).system.size(),
      userSizes: async (userIds) => (await load()).system.userSizes(userIds),
      sweep: async () => (await load()).system.sweep(),
      count: async (...given) => (await load()).system.count(...given),
    },
    copy: async () => (await load()).copy(),
    changes: async () => (await load()).changes(),
    close: async () => {
      await (await load.ifAny())?.close();
    },
  };
}
