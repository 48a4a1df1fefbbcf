/** The servers of a run, given by URL, and a database of the run's own on each. What it started, it takes away. */

import { type Db, MongoClient } from "mongodb";
import postgres from "postgres";
import { newKeys } from "../scripts/dev/keys.ts";
import type { SupabaseOptions } from "../scripts/dev/supabase.ts";
import { homeCollections } from "../shared/collections/index.ts";
import { type Environment, loadDevConfig, processEnvironment } from "../shared/config.ts";
import { prepareMongo } from "../shared/mongo/prepare.ts";
import { guardDatabase, guardUrl } from "../test/setup/guard.ts";
import { MONGODB } from "../test/setup/repositories.ts";
import { createServerDatabase } from "../test/setup/server-database.ts";
import { type Home, newUser, type TestUser } from "../test/setup/users.ts";
import { type Child, startChild } from "./servers/child.ts";
import type { SupabaseKeys } from "./servers/supabase.ts";

export interface Bench {
  readonly supabase: SupabaseKeys;
  readonly keys: ReturnType<typeof newKeys>;
  /** the run's database as administrator */
  readonly sql: postgres.Sql;
  readonly adminUrl: string;
  /** of the same database as the role that its migrations run as */
  readonly dbUrl: string;
  readonly mongoUri: string;
  readonly db: Db;
  /** REDIS_URL; undefined where none is given */
  readonly redisUrl: string | undefined;
  /** settings of an API on these servers */
  readonly apiEnvironment: Readonly<Record<string, string>>;
  user(home: Home): Promise<TestUser>;
  /** a Supabase with a database of its own beside the run's */
  anotherDatabase(): Promise<postgres.Sql>;
  /** the API in a process of its own; `over` takes the place of settings */
  api(over?: Readonly<Record<string, string>>): Promise<Child<{ url: string }>>;
  server<Ready>(file: string, settings: unknown, flags?: readonly string[]): Promise<Child<Ready>>;
  /** run at the end, the last one first */
  atEnd(stop: () => unknown): void;
}

/** Starts what every part needs; `stop` also when it fails half way. */
export async function openBench(): Promise<{ bench: Bench; stop(): Promise<void> }> {
  const { dbUrl, adminDbUrl, mongoUri, redisUrl } = await givenServers(processEnvironment());
  const stops: (() => unknown)[] = [];
  const atEnd = (stop: () => unknown) => void stops.push(stop);
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  const server = async <Ready>(file: string, settings: unknown, flags?: readonly string[]) => {
    const child = await startChild<Ready>(file, settings, flags);
    atEnd(() => child.stop());
    return child;
  };
  const database = async () => {
    const own = await createServerDatabase(dbUrl, adminDbUrl);
    atEnd(() => own.drop());
    const sql = postgres(own.adminUrl, { max: 20, onnotice: () => undefined });
    atEnd(() => sql.end({ timeout: 2 }));
    const keys = newKeys();
    const options: SupabaseOptions = { ...keys, port: 0, functions: false, dbUrl: own.dbUrl, adminDbUrl: own.adminUrl };
    const { ready } = await server<SupabaseKeys>("supabase.ts", options);
    await sql`update switchyard.databases set accepting = true, opened_at = now()`;
    return { keys, supabase: ready, sql, adminUrl: own.adminUrl, dbUrl: own.dbUrl };
  };
  try {
    const made = await database();
    const { supabase, sql, keys } = made;
    const client = new MongoClient(mongoUri);
    atEnd(() => client.close());
    const db = client.db();
    atEnd(() => db.dropDatabase());
    await prepareMongo(db, homeCollections, MONGODB);
    const environment = apiEnvironment(supabase, mongoUri, keys.hookSecret);
    const bench: Bench = {
      ...made,
      mongoUri,
      db,
      redisUrl,
      apiEnvironment: environment,
      user: (home) => newUser({ home, on: { ...supabase, sql: (text) => sql.unsafe(text) } }),
      anotherDatabase: async () => (await database()).sql,
      api: (over = {}) => server("api.ts", { ...environment, ...over }),
      server,
      atEnd,
    };
    return { bench, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const apiEnvironment = (supabase: SupabaseKeys, mongoUri: string, secret: string) => ({
  SUPABASE_URL: supabase.url,
  SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
  SUPABASE_SECRET_KEY: supabase.secretKey,
  SUPABASE_JWT_SECRET: supabase.jwtSecret,
  SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
  IDEMPOTENCY_SECRET: secret,
  MONGODB_URI: mongoUri,
  LOG_LEVEL: "silent",
  // what is measured is more than any user asks
  RATE_LIMITS: "none",
});

async function givenServers(env: Environment) {
  const config = loadDevConfig(env);
  const { SUPABASE_DB_URL: dbUrl, MONGODB_URI: mongo, REDIS_URL: redisUrl } = config;
  if (!dbUrl || !mongo)
    throw new Error("npm run bench needs SUPABASE_DB_URL and MONGODB_URI, the URLs of real servers on this machine.");
  const adminDbUrl = config.SUPABASE_ADMIN_DB_URL ?? dbUrl;
  for (const url of [dbUrl, adminDbUrl, mongo, redisUrl]) if (url) guardUrl(url);
  await guardDatabase(adminDbUrl);
  const own = `switchyard_bench_${crypto.randomUUID().slice(0, 8)}`;
  return { dbUrl, adminDbUrl, redisUrl, mongoUri: Object.assign(new URL(mongo), { pathname: `/${own}` }).toString() };
}
