/** The embedded databases of `npm start`, empty and in a folder that goes with them, for a backup to be restored into. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongoTarget } from "../../shared/backups/restore-mongo.ts";
import { postgresTarget } from "../../shared/backups/restore-postgres.ts";
import type { RestoreTarget } from "../../shared/backups/restore-verdict.ts";
import type { SqlConnection, SqlQuery, SqlRow } from "../../shared/backups/sql.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { CONTROL_PLANE } from "../../shared/placement/database-names.ts";
import { keptIn } from "../../shared/placement/kept-collections.ts";
import { prepareDataPlane } from "../../shared/postgres/prepare-data-plane.ts";
import { readDataPlane } from "../migration-files.ts";
import { type Database, openPglite } from "./database.ts";
import { newKeys } from "./keys.ts";
import { startStandIn } from "./mongo-stand-in/index.ts";
import { startSupabase } from "./supabase.ts";

export interface DrillDatabases {
  control: SqlConnection;
  targets: ReadonlyMap<string, RestoreTarget>;
  /** bytes on the disk */
  size(): Promise<number>;
  stop(): Promise<void>;
}

export interface DrilledDatabase {
  name: string;
  kind: "postgres" | "mongodb";
  site: number;
}

/** Supabase's own, and one for each of those. */
export async function startDrillDatabases(databases: readonly DrilledDatabase[]): Promise<DrillDatabases> {
  const folder = await mkdtemp(join(tmpdir(), "switchyard-drill-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const dataDir = join(folder, CONTROL_PLANE);
    const supabase = await startSupabase({ port: 0, dataDir, functions: false, jwtSecret: newKeys().jwtSecret });
    stops.push(() => supabase.stop());
    // nobody else speaks to it
    const control = oneSession((text, values) => supabase.sql<SqlRow>(text, values));
    const targets = new Map<string, RestoreTarget>([[CONTROL_PLANE, postgresTarget(CONTROL_PLANE, control, true)]]);
    const others = databases.filter(({ name }) => name !== CONTROL_PLANE);
    const standIn = others.some(({ kind }) => kind === "mongodb")
      ? await startStandIn({ port: 0, file: join(folder, "mongodb.sqlite") })
      : undefined;
    if (standIn) stops.push(() => standIn.stop());
    for (const database of others) {
      const { name, kind, site } = database;
      await control.query("select public.switchyard_add_database($1, $2, $3::integer)", [name, kind, site]);
      if (kind === "postgres") {
        const plane = await openPlane(join(folder, name), database);
        stops.push(() => plane.close());
        targets.set(
          name,
          postgresTarget(
            name,
            oneSession((text, values) => plane.sql<SqlRow>(text, values)),
            false,
          ),
        );
      } else if (standIn) {
        const client = createMongoClient(standIn.uri, { appName: "switchyard-drill" });
        stops.push(() => client.close());
        const db = client.db(name);
        const kept = keptIn(name, allCollections);
        await prepareMongo(db, kept, { name, site });
        const all = new Map(kept.map((collection) => [collection.name, collection]));
        targets.set(name, mongoTarget({ name, site, db, all, close: async () => undefined }));
      }
    }
    return { control, targets, size: () => sizeOf(folder), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openPlane(folder: string, { name, site }: DrilledDatabase): Promise<Database> {
  const database = await openPglite(folder);
  const script = (text: string) => database.prepare(text);
  await prepareDataPlane({ query: database.sql as never, script }, { name, site, ...(await readDataPlane()) });
  return database;
}

/** PGlite is one session: what is said in it one after the other is one transaction, if it says so. */
function oneSession(run: (text: string, values: readonly unknown[]) => Promise<SqlRow[]>): SqlConnection {
  const query: SqlQuery = (text, values = []) => run(text, values);
  return {
    query,
    async transaction(work) {
      await query("begin");
      try {
        const done = await work(query);
        await query("commit");
        return done;
      } catch (error) {
        await query("rollback").catch(() => undefined);
        throw error;
      }
    },
    close: async () => undefined,
  };
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}
