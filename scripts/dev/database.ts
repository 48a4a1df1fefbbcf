/**
 * The Postgres under the development Supabase: PGlite in this process, or a real server given by URL. Both are opened
 * through lite's own connection, so that queries from here and from lite take turns and parse values alike.
 */
import { createPgliteConnection, type PgliteConnection } from "@supabase/lite/pglite";
import { createPostgresConnection, type PostgresConnection } from "@supabase/lite/postgres";
import postgres from "postgres";
import { openClusterFolder } from "./cluster-folder.ts";
import { createReservations } from "./postgres-reservations.ts";

/** One statement. JSON parameters are passed as text and cast (`$1::text::jsonb`): the two drivers differ there. */
export type Query = <T = Record<string, unknown>>(text: string, params?: readonly unknown[]) => Promise<T[]>;

const SETUP_LOCK = 720_575_940;

export interface Database {
  readonly kind: "pglite" | "postgres";
  readonly connection: PgliteConnection | PostgresConnection;
  readonly sql: Query;
  /** One transaction; rolled back when `work` throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Runs the set-up of a database while no other system sets it up: two at once fail on one another's DDL. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** A script of many statements, as the administrator. */
  prepare(script: string): Promise<void>;
  /** A script of many statements in one transaction, as the role that owns the migrations. */
  migrate(work: (query: Query, script: (text: string) => Promise<void>) => Promise<void>): Promise<void>;
  /**
   * Runs one request of lite's. PGlite is a single connection, and lite begins transactions on it without a lock: two
   * requests at a time could run inside one another's transaction, with one another's role (seen). So one at a time.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * On its first request lite grants the API's roles everything in every schema that has row-level security, `auth` and
 * what the migrations had revoked among them (seen). It does not where it believes that to be done.
 */
function keepGrants(connection: object): void {
  (connection as { rlsState: string }).rlsState = "active";
}

/** Opens PGlite in a folder, or in memory. */
export async function openPglite(folder: string | undefined): Promise<Database> {
  const made = folder && (await openClusterFolder(folder));
  const connection = await createPgliteConnection(folder ? { url: folder } : {});
  await connection.driver.waitReady;
  if (made) await made();
  keepGrants(connection);
  let last: Promise<unknown> = Promise.resolve();
  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };
  const query: Query = async <T>(text: string, params: readonly unknown[] = []) =>
    (await connection.driver.query<T>(text, [...params])).rows;
  const transaction = <T>(work: (query: Query) => Promise<T>) =>
    exclusive(() =>
      connection.driver.transaction((tx) =>
        work(async <R>(text: string, params: readonly unknown[] = []) => (await tx.query<R>(text, [...params])).rows),
      ),
    );
  return {
    kind: "pglite",
    connection,
    sql: (text, params) => exclusive(() => query(text, params)),
    alone: (work) => work(),
    prepare: (script) => exclusive(async () => void (await connection.driver.exec(script))),
    transaction,
    migrate: (work) =>
      exclusive(() =>
        connection.driver.transaction(async (tx) => {
          await work(
            async <R>(text: string, params: readonly unknown[] = []) => (await tx.query<R>(text, [...params])).rows,
            async (text) => void (await tx.exec(text)),
          );
        }),
      ),
    exclusive,
    close: () => connection.close(),
  };
}

// lite hands metadata over as JSON text. PGlite takes that as it is; postgres.js, told to stringify, would store one
// long string where `raw_app_meta_data ->> 'role'` and the like look for an object (seen).
const asText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
const JSON_AS_ON_PGLITE = {
  json: { to: 114, from: [114], serialize: asText, parse: (text: string) => JSON.parse(text) as unknown },
  jsonb: { to: 3802, from: [3802], serialize: asText, parse: (text: string) => JSON.parse(text) as unknown },
};

const CONNECT_SECONDS = 5;

/** By default postgres.js waits longer and longer, up to 20 s, and a Postgres that is back stays unused. */
const RECONNECT_AFTER_SECONDS = 0.2;

/** Opens a real server: `adminUrl` for lite and for what Supabase's own services do, `url` for migrations. */
export async function openPostgres(url: string, adminUrl: string, slowness = 1): Promise<Database> {
  const quiet = { onnotice: () => undefined, connect_timeout: Math.ceil(CONNECT_SECONDS * slowness) };
  const connection = createPostgresConnection({
    url: adminUrl,
    postgresOptions: { ...quiet, max: 10, types: JSON_AS_ON_PGLITE, backoff: () => RECONNECT_AFTER_SECONDS },
  });
  keepGrants(connection);
  const { driver } = connection;
  // once is enough, and a connection that breaks while it asks for them again ends the process: nobody waits for it
  await driver`select 1`;
  Object.assign(driver.options, { fetch_types: false });
  const reservations = createReservations(driver, 10);
  // for lite's own requests, too
  driver.reserve = reservations.reserve as typeof driver.reserve;
  const query: Query = async <T>(text: string, params: readonly unknown[] = []) =>
    [...(await driver.unsafe(text, params as never[]))] as T[];
  return {
    kind: "postgres",
    connection,
    sql: query,
    async alone(work) {
      const holder = await driver.reserve();
      try {
        await holder.unsafe(`select pg_advisory_lock(${SETUP_LOCK})`);
        return await work();
      } finally {
        await holder.unsafe(`select pg_advisory_unlock(${SETUP_LOCK})`).catch(() => undefined);
        holder.release();
      }
    },
    prepare: async (script) => void (await driver.unsafe(script).simple()),
    async transaction(work) {
      const holder = await reservations.reserve();
      const run = async <R>(text: string, params: readonly unknown[] = []) => [
        ...((await holder.unsafe(text, params as never[])) as unknown as R[]),
      ];
      try {
        await run("begin");
        const result = await work(run);
        await run("commit");
        return result;
      } catch (error) {
        await run("rollback").catch(() => undefined);
        throw error;
      } finally {
        holder.release();
      }
    },
    async migrate(work) {
      const owner = postgres(url, { ...quiet, max: 1 });
      try {
        await owner.begin(async (tx) => {
          await work(
            async <R>(text: string, params: readonly unknown[] = []) => [
              ...((await tx.unsafe(text, params as never[])) as unknown as R[]),
            ],
            async (text) => void (await tx.unsafe(text).simple()),
          );
        });
      } finally {
        await owner.end({ timeout: 2 });
      }
    },
    exclusive: (work) => work(),
    close: async () => void (await Promise.all([connection.close(), reservations.end()])),
  };
}
