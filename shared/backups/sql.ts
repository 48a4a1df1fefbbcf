/** As much of a Postgres as a restore needs, whoever runs it: a server by its URL, or one that is embedded. */
import pg from "pg";

export type SqlRow = Record<string, unknown>;
export type SqlQuery = (text: string, values?: readonly unknown[]) => Promise<SqlRow[]>;

export interface SqlConnection {
  /** One session: what it makes for itself alone (temporary tables) is there for every statement. */
  query: SqlQuery;
  /** Rolled back when `work` throws. One at a time. */
  transaction<T>(work: (query: SqlQuery) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connects. Throws as the driver does. */
export async function connectSql(url: string, connectMs: number): Promise<SqlConnection> {
  const client = new pg.Client({
    ...{ connectionString: url, application_name: "switchyard-restore" },
    connectionTimeoutMillis: connectMs,
  });
  // what befalls it between two statements is told by the next one
  client.on("error", () => undefined);
  await client.connect();
  await client.query("set statement_timeout = 0; set timezone = 'UTC'; set datestyle = 'ISO'");
  const query: SqlQuery = async (text, values = []) => (await client.query<SqlRow>(text, [...values])).rows;
  return {
    query,
    async transaction(work) {
      await client.query("begin");
      try {
        const done = await work(query);
        await client.query("commit");
        return done;
      } catch (error) {
        await client.query("rollback").catch(() => undefined);
        throw error;
      }
    },
    close: () => client.end(),
  };
}

/** A failure that says something of what was to be written, and nothing of the database: SQLSTATE class 22 or 23. */
export const isOfData = (error: unknown): error is Error & { code: string } =>
  /^2[23]/.test(String((error as { code?: unknown } | null)?.code ?? ""));
