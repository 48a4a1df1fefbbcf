/** A Postgres as it is at one instant: everything is read in one repeatable-read transaction over a direct URL. */
import pg from "pg";
import { identityOf } from "../definition/define.ts";
import { recordColumns } from "../postgres/rows.ts";
import type { DatabaseSource, Wanted } from "./reading.ts";
import { type Line, lineOfRow, lineOfTombstone, type TombstoneRow } from "./record-lines.ts";
import { rowTextOf } from "./row-text.ts";

/** Rows of one fetch: memory grows with it, and below that the round trips are felt. */
const FETCHED = 1_000;

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

export interface PostgresSource extends DatabaseSource {
  /** Every column as Postgres writes it, as text or null; generated ones are left out. */
  table(name: string, where?: string): AsyncIterable<Line>;
  /** Of one statement, row by row, every value as text. */
  stream(select: string): AsyncIterable<Record<string, string | null>>;
  /** Of one statement, every value as text. */
  ask(text: string): Promise<Record<string, string | null>[]>;
}

/** Takes the snapshot. Throws as the driver does. */
export async function postgresSource(url: string): Promise<PostgresSource> {
  const client = new pg.Client({ connectionString: url, application_name: "switchyard-backup" });
  // what befalls it between two statements is told by the next one
  client.on("error", () => undefined);
  await client.connect();
  const completeTo = await oldestOpen(client);
  await client.query(
    "begin isolation level repeatable read read only; set local statement_timeout = 0; set local timezone = 'UTC'; " +
      "set local datestyle = 'ISO'; set local idle_in_transaction_session_timeout = 0",
  );

  async function* rows(select: string, types: pg.CustomTypesConfig): AsyncIterable<Record<string, unknown>> {
    await client.query(`declare reading no scroll cursor for ${select}`);
    const fetch = () => client.query({ text: `fetch ${FETCHED} from reading`, types });
    let next = fetch();
    // whoever stops reading in between does not wait for it
    next.catch(() => undefined);
    for (;;) {
      const { rows: fetched } = await next;
      if (fetched.length < FETCHED) {
        yield* fetched;
        break;
      }
      // the server reads the next ones meanwhile
      next = fetch();
      next.catch(() => undefined);
      yield* fetched;
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
    completeTo,
    async *lines(collection, wanted = {}) {
      const quick = rowTextOf(collection);
      const has = new Set(await columnsOf(`public."${collection.name}"`));
      const names = [...recordColumns(collection), "create_hash", ...(has.has("seen") ? ["seen"] : [])];
      const columns = names.map((name) => pg.escapeIdentifier(name)).join(", ");
      const from = `public.${pg.escapeIdentifier(collection.name)}`;
      const { owner } = identityOf(collection);
      const living = (what: string, types: pg.CustomTypesConfig) =>
        rows(`select ${what} from ${from} where ${conditionOf(owner, wanted)}`, types);
      if (quick) for await (const row of living(quick.columns, verbatim)) yield quick.line(row);
      else for await (const row of living(columns, typed)) yield lineOfRow(collection, row);
      const gone = `select * from switchyard.tombstones
        where collection = ${pg.escapeLiteral(collection.name)} and ${conditionOf("user_id", wanted)}`;
      for await (const row of rows(gone, typed)) yield lineOfTombstone(collection, row as unknown as TombstoneRow);
    },
    async has(collection, record) {
      const { name } = collection;
      const own = pg.escapeIdentifier(identityOf(collection).owner);
      const { rowCount } = await client.query(
        `select from public.${pg.escapeIdentifier(name)} where ${own} = $1 and id = $2 and version >= $3
          union all select from switchyard.tombstones where user_id = $1 and id = $2 and version >= $3 and collection = $4`,
        [record.owner, record.id, record.version, name],
      );
      return rowCount !== 0;
    },
    async *table(name, where = "true") {
      const columns = (await columnsOf(name)).map((column) => pg.escapeIdentifier(column)).join(", ");
      yield* rows(`select ${columns} from ${name} where ${where}`, verbatim);
    },
    stream: (select) => rows(select, verbatim) as AsyncIterable<Record<string, string | null>>,
    ask: async (text) => (await client.query({ text, types: verbatim })).rows,
    close: () => client.end(),
  };
}

/**
 * A version is the instant at which its statement ran: no transaction that commits later has an older one than this. Asked before
 * the snapshot is taken, or one that ends in between would be in neither. Whoever may not see what others do takes a wide margin.
 */
async function oldestOpen(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ at: string }>(
    `select floor(extract(epoch from least(clock_timestamp(), min(xact_start),
        case when not pg_has_role(current_user, 'pg_read_all_stats', 'usage') then clock_timestamp() - interval '1 hour' end
      )) * 1000000)::bigint::text as at
      from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  return Number(rows[0]?.at ?? 0);
}

function conditionOf(owner: string, { newerThan, upTo, owners }: Wanted): string {
  const ids = owners?.map((id) => pg.escapeLiteral(id)).join(", ");
  return [
    "true",
    ...(newerThan === undefined ? [] : [`version > ${newerThan}`]),
    ...(upTo === undefined ? [] : [`version <= ${upTo}`]),
    ...(ids === undefined ? [] : [`${pg.escapeIdentifier(owner)} = any (array[${ids}]::uuid[])`]),
  ].join(" and ");
}
