/** What a backup reads of every database that is configured. */
import { type Collection, identityOf, isTwoWay } from "../definition/define.ts";
import { databaseName } from "../mongo/database-name.ts";
import type { ConfiguredDatabase } from "../placement/configured-databases.ts";
import { CONTROL_PLANE } from "../placement/database-names.ts";
import { keptIn } from "../placement/kept-collections.ts";
import type { Source } from "./create.ts";
import type { Manifest } from "./manifest.ts";
import { mongoSource } from "./mongo-source.ts";
import { linesOf, Owners } from "./owners.ts";
import { type PostgresSource, postgresSource } from "./postgres-source.ts";
import type { Line } from "./record-lines.ts";
import { CONTROL_TABLES } from "./tables.ts";

export interface SourcesOptions {
  /** the direct way to Supabase's own Postgres */
  controlUrl: string;
  databases: readonly ConfiguredDatabase[];
  /** of the home `mongodb` */
  mongoDatabase: string | undefined;
  /** parents before the collections that refer to them */
  collections: readonly Collection[];
  connectMs: number;
}

export interface Sources extends Pick<Manifest, "migrations" | "ledger" | "schema_revision" | "missing"> {
  sources: Source[];
  /** After everything is read: why that may not be whole; null: it is. */
  doubt(): Promise<string | null>;
  close(): Promise<void>;
}

/** Opens them all, Supabase first; the snapshots are taken now. Throws as the drivers do. */
export async function openSources(options: SourcesOptions): Promise<Sources> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => void (await Promise.allSettled(closing.map((end) => end())));
  try {
    const control = await postgresSource(options.controlUrl);
    closing.push(control.close);
    const known = await control.ask("select name, site from switchyard.databases");
    const siteOf = (name: string) => Number(known.find((row) => row.name === name)?.site ?? 0);
    const collections = await asPlaced(control, options.collections);
    const sourceOf = async (
      database: Pick<Source, "name" | "kind" | "read">,
      own: { completeTo: number; lines: (collection: Collection) => AsyncIterable<Line> },
    ): Promise<Source> => {
      const { name } = database;
      const atHome = await Owners.of(idsOf(control, name));
      const kept = keptIn(name, collections);
      const contents = kept.map((collection) => {
        const { owner, perOwner } = identityOf(collection);
        const lines = () => (perOwner ? linesOf(own.lines(collection), owner, atHome) : own.lines(collection));
        return { name: collection.name, collection, lines };
      });
      // what the other side has written comes late, with the version that it had there
      const timely = kept.filter((collection) => !isTwoWay(collection));
      const complete_to = Object.fromEntries(timely.map((collection) => [collection.name, own.completeTo]));
      return { ...database, site: siteOf(name), complete_to, contents };
    };

    const present = await presentTables(control);
    const tables = CONTROL_TABLES.filter(({ name }) => present.has(name)).map(({ name, where }) => ({
      ...{ name, collection: undefined, lines: () => control.table(name, where) },
    }));
    const own = { name: CONTROL_PLANE, kind: "postgres", read: "repeatable-read snapshot" } as const;
    const first = await sourceOf(own, control);
    const sources: Source[] = [{ ...first, contents: [...tables, ...first.contents] }];
    for (const { name, kind, url } of options.databases) {
      const named = () => databaseName(url, name === "mongodb" ? options.mongoDatabase : undefined);
      const read = kind === "postgres" ? "repeatable-read snapshot" : "snapshot read";
      const source =
        kind === "postgres" ? await postgresSource(url) : await mongoSource(url, named(), options.connectMs);
      closing.push(source.close);
      sources.push(await sourceOf({ name, kind, read }, source));
    }
    return { sources, close, doubt: () => takenAway(control, options.controlUrl), ...(await saidOf(control, present)) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** With the primaries that they have now: a collection may have been promoted. */
async function asPlaced(control: PostgresSource, collections: readonly Collection[]): Promise<Collection[]> {
  const placed = await control.ask("select collection, primary_database from switchyard.placements");
  return collections.map((collection) => {
    const primary = placed.find((row) => row.collection === collection.name)?.primary_database;
    if (collection.placement.kind !== "replicated" || !primary) return collection;
    return { ...collection, placement: { ...collection.placement, primary } };
  });
}

async function* idsOf(control: PostgresSource, home: string): AsyncIterable<string> {
  const text = `select user_id from public.user_database_assignments where database_provider = '${home}' order by user_id`;
  for await (const { user_id } of control.stream(text)) yield String(user_id);
}

async function presentTables(control: PostgresSource): Promise<Set<string>> {
  const names = CONTROL_TABLES.map(({ name }) => `'${name}'`).join(", ");
  const found = await control.ask(`select name from unnest(array[${names}]) name where to_regclass(name) is not null`);
  return new Set(found.map(({ name }) => String(name)));
}

async function saidOf(control: PostgresSource, present: ReadonlySet<string>) {
  const applied = await control.ask(
    "select to_regclass('supabase_migrations.schema_migrations')::text as name, (select revision from switchyard.self) as revision",
  );
  const migrations = applied[0]?.name
    ? await control.ask("select version from supabase_migrations.schema_migrations order by version")
    : [];
  const totals = await control.ask(
    "select asset, sum(posted)::text as total from public.ledger_accounts where kind = 'user' group by asset order by asset",
  );
  const unsent = await control.ask(
    "select collection, count(*)::text as count from switchyard.marks group by 1 order by 1",
  );
  const absent = CONTROL_TABLES.filter(({ name, isOptional }) => isOptional && !present.has(name));
  return {
    migrations: migrations.map(({ version }) => String(version)),
    schema_revision: Number(applied[0]?.revision ?? 0),
    ledger: Object.fromEntries(totals.map(({ asset, total }) => [String(asset), String(total)])),
    missing: [
      ...absent.map(({ name }) => `${name}: this Supabase has no such table.`),
      "Moves that are open: they begin anew. Copies that finished moves keep in the earlier home.",
      "Sign-ins: everybody signs in again. Single sign-on providers, which are configuration of Supabase Auth.",
      ...unsent.map(
        ({ collection, count }) =>
          `${collection}: ${count} changes that wait in Supabase for their way to MongoDB, as far as that is the primary: wait until \`replication status\` shows nothing pending.`,
      ),
    ],
  };
}

/**
 * The copy in the home from which a user was read, where they have moved on and it was taken away since the control plane's
 * snapshot: as it was read later than that, perhaps without them.
 */
async function takenAway(control: PostgresSource, controlUrl: string): Promise<string | null> {
  const now = await postgresSource(controlUrl);
  try {
    const ended = await now.ask(
      `select user_id, source, epoch from switchyard.moves
        where state in ('cleaned', 'superseded') and ended_at > clock_timestamp() - interval '7 days'`,
    );
    if (ended.length === 0) return null;
    const values = ended.map(({ user_id, source, epoch }) => `('${user_id}'::uuid, '${source}', ${epoch})`).join(", ");
    const [lost] = await control.ask(
      `select count(*) as count from (values ${values}) m (user_id, source, epoch) join public.user_database_assignments a
        on a.user_id = m.user_id and a.database_provider = m.source and a.epoch = m.epoch`,
    );
    if (!lost || lost.count === "0") return null;
    return `${lost.count} users were moved while this backup was made, and the copies that they left were taken away already: they may be missing in it. Run it again.`;
  } finally {
    await now.close();
  }
}
