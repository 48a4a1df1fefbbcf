/** A Postgres as it is at one instant: everything is read in one repeatable-read transaction over a direct URL. */
import pg from "pg";
import type { Collection } from "../definition/define.ts";
import { recordColumns } from "../postgres/rows.ts";
import { type Line, lineOfRow, lineOfTombstone, type TombstoneRow } from "./record-lines.ts";

/** Rows of one fetch: memory grows with it, and below that the round trips are felt. */
const FETCHED = 2_000;

/** As text, as the server says it: the driver's own types lose digits and microseconds. */
const AS_TEXT: ReadonlySet<number> = new Set([
  ...[pg.types.builtins.JSON, pg.types.builtins.JSONB, pg.types.builtins.DATE],
  ...[pg.types.builtins.TIMESTAMP, pg.types.builtins.TIMESTAMPTZ],
]);
const verbatim = { getTypeParser: () => (text: unknown) => text } as unknown as pg.CustomTypesConfig;
const typed = {
  getTypeParser: (oid: number, format: never) =>
    AS_TEXT.has(oid) ? (text: unknown) => text : pg.types.getTypeParser(oid, format),
} as unknown as pg.CustomTypesConfig;

/** What only the control plane has, in the order in which it can be restored. */
export const CONTROL_TABLES: readonly string[] = [
  ...["auth.users", "auth.identities"],
  ...["switchyard.databases", "switchyard.placements", "switchyard.quotas"],
  ...["public.user_database_assignments", "switchyard.assignment_history"],
  ...["public.assets", "public.ledger_owners", "public.ledger_accounts", "public.ledger_transfers"],
  ...["public.ledger_entries", "public.ledger_rates", "public.ledger_history"],
];

export interface PostgresSource {
  lines(collection: Collection): AsyncIterable<Line>;
  /** Every column as Postgres writes it, as text or null; generated ones are left out. */
  table(name: string): AsyncIterable<Line>;
  /** Of one statement, every value as text. */
  ask(text: string): Promise<Record<string, string | null>[]>;
  close(): Promise<void>;
}

/** Takes the snapshot. Throws as the driver does. */
export async function postgresSource(url: string): Promise<PostgresSource> {
  const client = new pg.Client({ connectionString: url, application_name: "switchyard-backup" });
  // what befalls it between two statements is told by the next one
  client.on("error", () => undefined);
  await client.connect();
  await client.query(
    "begin isolation level repeatable read read only; set local statement_timeout = 0; set local timezone = 'UTC'; " +
      "set local datestyle = 'ISO'; set local idle_in_transaction_session_timeout = 0",
  );

  async function* rows(select: string, types: pg.CustomTypesConfig): AsyncIterable<Record<string, unknown>> {
    await client.query(`declare reading no scroll cursor for ${select}`);
    for (;;) {
      const { rows: fetched } = await client.query({ text: `fetch ${FETCHED} from reading`, types });
      yield* fetched;
      if (fetched.length < FETCHED) break;
    }
    await client.query("close reading");
  }
  const columnsOf = async (name: string) => {
    const text = `select attname as name from pg_attribute where attrelid = '${name}'::regclass and attnum > 0
      and not attisdropped and attgenerated = '' order by attnum`;
    const { rows: found } = await client.query<{ name: string }>(text);
    return found.map((column) => column.name);
  };

  return {
    async *lines(collection) {
      const has = new Set(await columnsOf(`public."${collection.name}"`));
      const names = [...recordColumns(collection), "create_hash", ...(has.has("seen") ? ["seen"] : [])];
      const columns = names.map((name) => pg.escapeIdentifier(name)).join(", ");
      const from = `public.${pg.escapeIdentifier(collection.name)}`;
      for await (const row of rows(`select ${columns} from ${from}`, typed)) yield lineOfRow(collection, row);
      const gone = `select * from switchyard.tombstones where collection = ${pg.escapeLiteral(collection.name)}`;
      for await (const row of rows(gone, typed)) yield lineOfTombstone(collection, row as unknown as TombstoneRow);
    },
    async *table(name) {
      const columns = (await columnsOf(name)).map((column) => pg.escapeIdentifier(column)).join(", ");
      yield* rows(`select ${columns} from ${name}`, verbatim);
    },
    ask: async (text) => (await client.query({ text, types: verbatim })).rows,
    close: () => client.end(),
  };
}
