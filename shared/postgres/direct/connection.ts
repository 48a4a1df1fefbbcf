/** The way to a Postgres by its own protocol, for as long as an instance lives, whatever happens to the server meanwhile. */
import type pg from "pg";
import { type Deadlines, deadlinesOf } from "../../deadlines.ts";
import { boundedClient } from "./bounded-client.ts";
import { actingWith, type Claims } from "./claims.ts";
import { lossOr, NoAnswer, sqlstateOf } from "./failures.ts";
import { createPool } from "./pool.ts";
import { type Sql, sql, textOf } from "./sql.ts";
import { type Given, TextQuery } from "./text-query.ts";

export interface PostgresConnection {
  /** One statement under the role `authenticated` with those claims, in one round trip. */
  run(claims: Claims, statement: Sql, signal?: AbortSignal): Promise<Given>;
  /** One statement as the connection's own role, for system work; bigint and numeric come as text. */
  query(text: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** A count, as the connection's own role; null when it takes longer than so many milliseconds. */
  count(text: string, limitMs: number): Promise<number | null>;
  /** Any number of statements as the connection's own role; one transaction unless they say otherwise. */
  script(text: string): Promise<void>;
  /**
   * What one statement gives, on a connection of its own, which calls of users cannot fill. Rejects with the driver's error
   * when the server does not answer, or lets nobody act as `authenticated`. Whoever asks meanwhile gets the same answer.
   */
  ask(text: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export interface PostgresConnectionSettings {
  /** shown in pg_stat_activity */
  appName: string;
  deadlines?: Pick<Deadlines, "connectMs" | "queryMs" | "stuckMs">;
  /** told of the pool, once it is made */
  onPool?: ((pool: pg.Pool) => void) | undefined;
  /** few: every instance of a function has its own, and a server or pooler has a hundred or two for all of them */
  maxPoolSize?: number | undefined;
}

const QUERY_CANCELED = "57014";

/** A migration may have an index to build. */
const SCRIPT_MS = 10 * 60_000;

/** As every caller's statement begins; the role is put back for what follows. */
const ACT = textOf(sql`select set_config('role', 'authenticated', true), set_config('role', 'none', true);`);

/**
 * Connects with the first call. A pooler in transaction mode will do: no statement is prepared, nothing is set for longer
 * than a transaction.
 *
 * TLS is as `sslmode` in the URL says, and none without it. Supabase signs with an authority of its own, which no machine
 * knows: `?sslmode=verify-full&sslrootcert=<its certificate, from the dashboard>`, or `?sslmode=no-verify`, which encrypts
 * and trusts whoever answers. (`require` is `verify-full` to this driver.) The host of the pooler is in the dashboard, too;
 * its port for transaction mode is 6543, its user `postgres.<project>`.
 */
export function createPostgresConnection(
  url: string,
  { appName, deadlines = deadlinesOf(), onPool, maxPoolSize = 5 }: PostgresConnectionSettings,
): PostgresConnection {
  const { connectMs, queryMs, stuckMs } = deadlines;
  const settings = { url, appName, connectMs };
  const Client = boundedClient(settings);
  const pool = createPool({ ...settings, stuckMs, max: maxPoolSize, onPool });

  /** On a connection of its own, so that what it leaves behind is nobody's, and a full pool says nothing of the server. */
  async function alone<T>(limitMs: number, use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new Client();
    try {
      await client.connect();
      return await withinTime(use(client), limitMs);
    } finally {
      void client.end().catch(() => undefined);
    }
  }

  const asking = new Map<string, Promise<Record<string, unknown>[]>>();
  return {
    run(claims, statement, signal) {
      const text = textOf(sql`${actingWith(claims, queryMs)}${statement}`);
      return pool.exchange<Given>((client, done) => void client.query(new TextQuery(text, done)), signal);
    },
    async query(text, parameters = []) {
      const answer = await pool.exchange<pg.QueryResult>((client, done) => client.query(text, [...parameters], done));
      return answer.rows;
    },
    async count(text, limitMs) {
      const within = textOf(sql`select set_config('statement_timeout', ${limitMs}, true);`);
      try {
        const results: unknown = await pool.exchange((client, done) => client.query(within + text, done));
        return Number((results as [unknown, pg.QueryResult])[1].rows[0]?.count);
      } catch (error) {
        if (sqlstateOf(error) === QUERY_CANCELED) return null;
        throw error;
      }
    },
    script: (text) => alone(SCRIPT_MS, async (client) => void (await client.query(text))),
    ask(text) {
      const asked = asking.get(text);
      if (asked) return asked;
      const answer = alone(stuckMs, async (client) => {
        const results: unknown = await client.query(ACT + text);
        return (results as [unknown, pg.QueryResult])[1].rows;
      }).finally(() => asking.delete(text));
      asking.set(text, answer);
      return answer;
    },
    close: () => pool.close(),
  };
}

function withinTime<T>(work: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoAnswer()), limitMs);
    work.then(resolve, (error) => reject(lossOr(error))).finally(() => clearTimeout(timer));
  });
}
