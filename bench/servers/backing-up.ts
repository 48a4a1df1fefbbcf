/**
 * Reads the expenses of one database in a process of its own, either bare or into a backup in a folder, and says how long that
 * took and how much memory the process ever had.
 */
import { MongoClient } from "mongodb";
import pg from "pg";
import { createBackup } from "../../shared/backups/create.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { openSources } from "../../shared/backups/sources.ts";
import { expenses } from "../../shared/collections/expenses.ts";
import { serveParent } from "./child.ts";

export interface Settings {
  database: "supabase" | "mongodb";
  how: "bare" | "backup";
  dbUrl: string;
  mongoUri: string;
  /** where the backup goes */
  folder: string;
}
export interface Read {
  ms: number;
  records: number;
  /** of the backup */
  id?: string;
  /** of the process, ever, and when it had loaded its code */
  peakMb: number;
  bareMb: number;
}

const BATCH = 2_000;

async function scanPostgres({ dbUrl }: Settings): Promise<number> {
  const client = new pg.Client({ connectionString: dbUrl });
  await client.connect();
  let records = 0;
  await client.query(
    "begin isolation level repeatable read read only; declare bare cursor for select * from public.expenses",
  );
  for (let got = BATCH; got === BATCH; records += got)
    got = (await client.query(`fetch ${BATCH} from bare`)).rows.length;
  await client.end();
  return records;
}

async function scanMongo({ mongoUri }: Settings): Promise<number> {
  const client = await new MongoClient(mongoUri).connect();
  let records = 0;
  for await (const _ of client.db().collection("expenses").find({}, { batchSize: BATCH })) records++;
  await client.close();
  return records;
}

async function backUp({ database, dbUrl, mongoUri, folder }: Settings): Promise<Pick<Read, "records" | "id">> {
  const { sources, close, ...read } = await openSources({
    ...{ controlUrl: dbUrl, databases: [{ name: "mongodb", kind: "mongodb", url: mongoUri, variable: "MONGODB_URI" }] },
    ...{ mongoDatabase: undefined, collections: [expenses], connectMs: 10_000 },
    ...{ only: { collections: [expenses.name], user: null }, parent: null },
  });
  try {
    const from = sources.filter(({ name }) => name === database);
    const made = await createBackup({
      ...{ ...read, storage: folderStorage(folder), sources: from, schema_hash: "", kind: "full", parent: null },
      ...{ only: null, recipient: null },
    });
    const own = made.parts.filter(({ collection }) => collection === expenses.name);
    return { records: own.reduce((sum, { count }) => sum + count, 0), id: made.id };
  } finally {
    await close();
  }
}

serveParent<Settings>(async (settings) => {
  const bareMb = process.resourceUsage().maxRSS / 1024;
  const start = performance.now();
  const scan = settings.database === "supabase" ? scanPostgres : scanMongo;
  const read = settings.how === "bare" ? { records: await scan(settings) } : await backUp(settings);
  const ms = performance.now() - start;
  return { ready: { ms, ...read, bareMb, peakMb: process.resourceUsage().maxRSS / 1024 }, stop: () => undefined };
});
