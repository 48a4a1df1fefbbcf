/** Any Postgres but Supabase's own as one of the product's databases: a data plane, reached by Postgres' own protocol. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../../contract/errors.ts";
import type { Collection } from "../../definition/define.ts";
import { byName } from "../../definition/per-collection.ts";
import { COUNTED_EXACTLY, type Database, type EngineOptions, type RecordCounts } from "../../repository/database.ts";
import { type Counted, DEFAULT_QUOTA, type Usage } from "../../repository/quotas.ts";
import type { Row } from "../../repository/store.ts";
import { postgresHomeCopy, type SystemFunctions } from "../home-copy.ts";
import { prepareDataPlane } from "../prepare-data-plane.ts";
import { postgresSystemChanges } from "../system-changes.ts";
import { userSizes } from "../user-sizes.ts";
import { directAccess } from "./access.ts";
import { createPostgresConnection, type PostgresConnection } from "./connection.ts";
import { failureOf, readRefusal } from "./failures.ts";

/** Records that one call deletes. */
const PURGE_BATCH = 1_000;

export function postgresDatabase(options: EngineOptions): Database {
  const { name, title, url, schema, collections, quota = DEFAULT_QUOTA, ...settings } = options;
  const connection = createPostgresConnection(url, settings);
  const all = byName(collections);
  const migrate = `switchyard db prepare ${name}`;
  const { ready, scoped, problem } = directAccess(connection, { name, title, migrate, all });
  /** A wrong address must not cost another database its records: what stands against it is thrown. */
  const own = async (): Promise<PostgresConnection> => {
    const known = await ready();
    if (known.isErr()) throw known.error;
    return connection;
  };
  const counted = async <T>(name: string, userId: string): Promise<Result<T, RepositoryError>> => {
    try {
      const [row] = await (await own()).query(`select public.${name}($1) as counted`, [userId]);
      return ok(row?.counted as T);
    } catch (error) {
      // what stands against the database is an error of the contract already
      return err(error instanceof Error ? failureOf(error, readRefusal) : (error as RepositoryError));
    }
  };
  const functions = async (): Promise<SystemFunctions> => {
    const there = await own();
    return async <T>(name: string, parameters: Row) => {
      const named = Object.keys(parameters).map((parameter, index) => `${parameter} => $${index + 1}`);
      const call = `select to_jsonb(public.${name}(${named.join(", ")})) as answer`;
      const [row] = await there.query(call, Object.values(parameters));
      return row?.answer as T;
    };
  };
  return {
    name,
    title,
    kind: "postgres",
    path: "direct",
    scoped,
    usage: (userId) => counted<Counted>("switchyard_usage", userId),
    holdings: (userId) => counted<Record<string, Usage>>("switchyard_holdings", userId),
    system: {
      probe: async () => ok(await problem()),
      async prepare(self) {
        if (!schema) throw new Error(`${title} is prepared by the command line: switchyard db prepare ${name}`);
        await prepareDataPlane(connection, { ...self, ...(await schema()) });
      },
      async limit() {
        await (await own()).query("select public.switchyard_set_quotas($1, $2)", [quota.records, quota.bytes]);
      },
      async purge(userId) {
        const there = await own();
        for (;;) {
          const [row] = await there.query("select public.switchyard_purge_records($1, $2) as deleted", [
            userId,
            PURGE_BATCH,
          ]);
          if (Number(row?.deleted) === 0) return;
        }
      },
      async sweep() {
        await (await own()).query("select public.switchyard_expire_tombstones()");
      },
      count: async (counted, limitMs) => countRows(await own(), counted, limitMs),
      async size() {
        const [row] = await connection.ask("select pg_database_size(current_database()) as bytes");
        return Number(row?.bytes);
      },
      userSizes: async (userIds) => userSizes(await functions(), userIds),
    },
    copy: async () => postgresHomeCopy(await functions()),
    async changes() {
      const call = await functions();
      return postgresSystemChanges(async (...asked) => {
        try {
          return await call(...asked);
        } catch (error) {
          throw error instanceof Error ? failureOf(error, readRefusal) : error;
        }
      });
    },
    close: () => connection.close(),
  };
}

const ESTIMATE = `select greatest(s.n_live_tup, c.reltuples::bigint)::bigint as count,
  greatest(s.last_analyze, s.last_autoanalyze, s.last_vacuum, s.last_autovacuum) as at
  from pg_catalog.pg_class c left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid where c.oid = to_regclass($1)`;

/** Null for a table that cannot be counted in time. */
async function countRows(
  connection: PostgresConnection,
  collections: readonly Collection[],
  limitMs: number,
): Promise<RecordCounts> {
  const until = performance.now() + limitMs * 0.8;
  const found: RecordCounts = { counts: {}, estimated: {} };
  for (const { name } of collections) {
    found.counts[name] = null;
    const left = Math.round(until - performance.now());
    if (left <= 0) continue;
    // the name is a definition's: small letters, digits and _
    const rows = `select from public."${name}" limit ${COUNTED_EXACTLY + 1}`;
    const counted = await connection.count(`select count(*) from (${rows}) t`, left);
    found.counts[name] = counted;
    if (counted === null || counted <= COUNTED_EXACTLY) continue;
    const [estimate] = await connection.query(ESTIMATE, [`public.${name}`]);
    found.counts[name] = Math.max(counted, Number(estimate?.count ?? 0));
    found.estimated[name] = estimate?.at instanceof Date ? estimate.at.toISOString() : null;
  }
  return found;
}
