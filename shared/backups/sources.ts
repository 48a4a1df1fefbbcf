/** What a backup reads of every database that is configured. */

import type { Collection } from "../definition/define.ts";
import { databaseName } from "../mongo/database-name.ts";
import type { ConfiguredDatabase } from "../placement/configured-databases.ts";
import { CONTROL_PLANE } from "../placement/database-names.ts";
import { keptIn } from "../placement/kept-collections.ts";
import type { Source } from "./create.ts";
import type { Manifest } from "./manifest.ts";
import { mongoSource } from "./mongo-source.ts";
import { CONTROL_TABLES, postgresSource } from "./postgres-source.ts";

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

export interface Sources extends Pick<Manifest, "migrations" | "ledger" | "schema_revision"> {
  sources: Source[];
  close(): Promise<void>;
}

/** Opens them all; the snapshots of Postgres are taken now, those of MongoDB with their first read. Throws as the drivers do. */
export async function openSources(options: SourcesOptions): Promise<Sources> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => void (await Promise.allSettled(closing.map((end) => end())));
  try {
    const control = await postgresSource(options.controlUrl);
    closing.push(control.close);
    const known = await control.ask("select name, site from switchyard.databases");
    const siteOf = (name: string) => Number(known.find((row) => row.name === name)?.site ?? 0);
    const contentsOf = (name: string, lines: (collection: Collection) => Source["contents"][number]["lines"]) =>
      keptIn(name, options.collections).map((collection) => ({
        ...{ name: collection.name, collection, lines: lines(collection) },
      }));

    const tables = CONTROL_TABLES.map((name) => ({ name, collection: undefined, lines: () => control.table(name) }));
    const sources: Source[] = [
      {
        ...{ name: CONTROL_PLANE, kind: "postgres", site: siteOf(CONTROL_PLANE), read: "repeatable-read snapshot" },
        contents: [...tables, ...contentsOf(CONTROL_PLANE, (each) => () => control.lines(each))],
      },
    ];
    for (const { name, kind, url } of options.databases) {
      if (kind === "postgres") {
        const source = await postgresSource(url);
        closing.push(source.close);
        const contents = contentsOf(name, (each) => () => source.lines(each));
        sources.push({ name, kind, site: siteOf(name), read: "repeatable-read snapshot", contents });
      } else {
        const named = databaseName(url, name === "mongodb" ? options.mongoDatabase : undefined);
        const source = mongoSource(url, named, options.connectMs);
        closing.push(source.close);
        const contents = contentsOf(name, (each) => () => source.lines(each));
        sources.push({ name, kind, site: siteOf(name), read: "snapshot read", contents });
      }
    }
    const applied = await control.ask(
      "select to_regclass('supabase_migrations.schema_migrations')::text as name, (select revision from switchyard.self) as revision",
    );
    const migrations = applied[0]?.name
      ? await control.ask("select version from supabase_migrations.schema_migrations order by version")
      : [];
    const totals = await control.ask(
      "select asset, sum(posted)::text as total from public.ledger_accounts where kind = 'user' group by asset order by asset",
    );
    return {
      sources,
      close,
      migrations: migrations.map(({ version }) => String(version)),
      schema_revision: Number(applied[0]?.revision ?? 0),
      ledger: Object.fromEntries(totals.map(({ asset, total }) => [String(asset), String(total)])),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
