/** The way to a Postgres by its own protocol, for as long as an instance lives, whatever happens to the server meanwhile. */
import pg from "pg";
import { type Deadlines, deadlinesOf } from "../../deadlines.ts";
import { UnusableUrl } from "../../repository/unusable-url.ts";
import { actingWith, type Claims } from "./claims.ts";
import { ConnectionLost, keepsConnection, NoAnswer, NotConnected, NotSent, sqlstateOf } from "./failures.ts";
import { type Sql, sql, textOf } from "./sql.ts";
import { type Given, TextQuery } from "./text-query.ts";
import { createWatch } from "./watch.ts";

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
  deadlines?: Pick<Deadlines, "connectMs" | "queryMs" | "stuckMs" | "exportMs">;
  /** told of the pool, once it is made */
  onPool?: ((pool: pg.Pool) => void) | undefined;
  /** few: every instance of a function has its own, and a server or pooler has a hundred or two for all of them */
  maxPoolSize?: number | undefined;
}

type Done<T> = (error: Error | null, given?: T) => void;

const QUERY_CANCELED = "57014";

/** An idle function is frozen: its sockets would be dead when it wakes. */
const IDLE_MS = 5_000;

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
 *
 * A connection of the pool goes with the call that was lost on it, so that one that hangs is replaced by itself.
 */
export function createPostgresConnection(
  url: string,
  { appName, deadlines = deadlinesOf(), onPool, maxPoolSize = 5 }: PostgresConnectionSettings,
): PostgresConnection {
  const { connectMs, queryMs, stuckMs } = deadlines;
  const settings = {
    connectionString: url,
    application_name: appName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: IDLE_MS,
  };
  class Client extends pg.Client {
    constructor() {
      try {
        super(settings);
      } catch (error) {
        // it connects later: this is what it thinks of the URL, and of the files in it
        throw new UnusableUrl(error);
      }
    }
    /** A goodbye to a server that is gone is never answered. */
    override end(): Promise<void>;
    override end(done: (error: Error) => void): void;
    override end(done?: (error: Error) => void): Promise<void> | void {
      const { stream } = this.connection;
      const timer = setTimeout(() => stream.destroy(), connectMs);
      timer.unref?.();
      stream.once("close", () => clearTimeout(timer));
      return done ? super.end(done) : super.end();
    }
  }
  let pool: pg.Pool | undefined;
  const [waiting, working] = [createWatch(connectMs), createWatch(stuckMs)];
  const connected = new Set<pg.PoolClient>();
  const make = () => {
    const made = new pg.Pool({
      max: maxPoolSize,
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
      Client: Client as never,
    });
    // what befalls an idle connection befalls nobody; without a listener it would end the process
    made.on("error", () => undefined);
    made.on("connect", (client) => {
      connected.add(client);
      client.on("error", () => undefined);
    });
    made.on("remove", (client) => connected.delete(client));
    onPool?.(made);
    return made;
  };

  /** What `send` asks on a connection of the pool. By callbacks: promises at each step would be felt. */
  const exchange = <T>(send: (client: pg.PoolClient, done: Done<T>) => void, signal?: AbortSignal): Promise<T> =>
    new Promise((resolve, reject) => {
      const isWaiting = waiting.over(() => reject(new NotConnected(undefined, connected.size > 0)));
      const take: Parameters<pg.Pool["connect"]>[0] = (problem, client) => {
        const isLate = !isWaiting();
        if (!client) return reject(new NotConnected(problem, false));
        if (isLate || signal?.aborted) {
          client.release();
          // the caller has been told that it was too late: nothing may be written after that
          return reject(new NotSent(signal?.reason));
        }
        let isOver = false;
        const done: Done<T> = (error, given) => {
          // given up before
          if (isOver) return;
          isOver = true;
          isWorking();
          client.release(error !== null && !keepsConnection(error));
          if (error === null) resolve(given as T);
          else reject(lossOr(error));
        };
        const isWorking = working.over(() => done(new NoAnswer()));
        send(client, done);
      };
      pool ??= make();
      try {
        pool.connect(take);
      } catch (error) {
        take(error as Error, undefined, () => {});
      }
    });

  /** On a connection of its own, so that what it leaves behind is nobody's, and a full pool says nothing of the server. */
  async function alone<T>(limitMs: number, use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new Client();
    client.on("error", () => undefined);
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
      return exchange<Given>((client, done) => void client.query(new TextQuery(text, done)), signal);
    },
    async query(text, parameters = []) {
      const { rows } = await exchange<pg.QueryResult>((client, done) =>
        client.query(text, [...parameters], (error: Error | null | undefined, result) => done(error ?? null, result)),
      );
      return rows;
    },
    async count(text, limitMs) {
      const within = textOf(sql`select set_config('statement_timeout', ${limitMs}, true);`);
      try {
        const results: unknown = await exchange<unknown>((client, done) =>
          client.query(within + text, (error: Error | null | undefined, result: unknown) =>
            done(error ?? null, result),
          ),
        );
        return Number((results as [unknown, pg.QueryResult])[1].rows[0]?.count);
      } catch (error) {
        if (sqlstateOf(error) === QUERY_CANCELED) return null;
        throw error;
      }
    },
    script: (text) => alone(deadlines.exportMs, async (client) => void (await client.query(text))),
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
    async close() {
      const ending = pool;
      pool = undefined;
      await ending?.end();
    },
  };
}

function withinTime<T>(work: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoAnswer()), limitMs);
    work.then(resolve, (error) => reject(lossOr(error))).finally(() => clearTimeout(timer));
  });
}

/** What the server says is thrown on as it is; whatever else ends a statement has ended its connection. */
const lossOr = (error: unknown): unknown =>
  sqlstateOf(error) === undefined && !(error instanceof ConnectionLost) ? new ConnectionLost(error) : error;
