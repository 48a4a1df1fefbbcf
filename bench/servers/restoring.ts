/**
 * Writes expenses into one database in a process of its own: the lines of a backup as a restore does, or as many rows of its own in
 * bulk, and says how long that took and how much memory the process ever had.
 */
import { Decimal128, Long, MongoClient, UUID } from "mongodb";
import { uuidv7 } from "uuidv7";
import { readPart } from "../../shared/backups/codec.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import type { Line } from "../../shared/backups/record-lines.ts";
import { openTargets } from "../../shared/backups/restore-targets.ts";
import { connectSql } from "../../shared/backups/sql.ts";
import { readManifest } from "../../shared/backups/verify.ts";
import { expenses } from "../../shared/collections/expenses.ts";
import { serveParent } from "./child.ts";

export interface Settings {
  database: "supabase" | "mongodb";
  how: "bare" | "restore";
  dbUrl: string;
  mongoUri: string;
  folder: string;
  id: string;
  users: readonly string[];
  records: number;
}
export interface Written {
  ms: number;
  records: number;
  peakMb: number;
}

const BATCH = 1_000;
const CONNECT_MS = 10_000;

async function restore({ database, dbUrl, mongoUri, folder, id }: Settings): Promise<number> {
  const storage = folderStorage(folder);
  const manifest = (await readManifest(storage, id))._unsafeUnwrap();
  const control = await connectSql(dbUrl, CONNECT_MS);
  const { all, close } = await openTargets({
    ...{ control, databases: [{ name: "mongodb", kind: "mongodb", url: mongoUri, variable: "MONGODB_URI" }] },
    ...{ mongoDatabase: undefined, collections: [expenses], connectMs: CONNECT_MS },
  });
  let records = 0;
  const put = async (lines: readonly Line[]) => {
    const choices = { overwrite: false, undelete: false };
    const batch = { collection: expenses, lines, living: new Set<string>(), choices, isDry: false };
    const outcomes = (await all.get(database)?.put(batch)) ?? [];
    records += outcomes.filter(({ is }) => is === "missing").length;
  };
  for (const part of manifest.parts.filter(({ collection }) => collection === expenses.name)) {
    let lines: Line[] = [];
    let writing: Promise<void> = Promise.resolve();
    for await (const line of readPart(storage, id, part, null)) {
      if (lines.push(line) < BATCH) continue;
      await writing;
      writing = put(lines);
      lines = [];
    }
    await writing;
    await put(lines);
  }
  await close();
  await control.close();
  return records;
}

function* batches({ users, records }: Settings): Iterable<{ user: string; n: number }[]> {
  for (let start = 0; start < records; start += BATCH)
    yield Array.from({ length: Math.min(BATCH, records - start) }, (_, at) => ({
      ...{ user: users[(start + at) % users.length] as string, n: start + at + 1 },
    }));
}

/** With the triggers and constraints that every write meets. */
async function barePostgres(settings: Settings): Promise<number> {
  const { query, transaction, close } = await connectSql(settings.dbUrl, CONNECT_MS);
  for (const batch of batches(settings)) {
    const rows = batch.map(({ user, n }) => ({
      ...{ user_id: user, id: uuidv7(), amount: `${n / 4}`, currency: "EUR", date: "2026-01-01" },
      ...{ description: `Lunch number ${n}`, payment_method: "card", tags: ["work", "lunch"] },
    }));
    await transaction((tx) =>
      tx(
        `insert into public.expenses (user_id, id, amount, currency, date, description, payment_method, tags)
         select user_id, id, amount, currency, date, description, payment_method, tags
         from jsonb_populate_recordset(null::public.expenses, $1::text::jsonb)`,
        [JSON.stringify(rows)],
      ),
    );
  }
  const [found] = await query("select count(*)::int as n from public.expenses");
  await close();
  return Number(found?.n);
}

async function bareMongo(settings: Settings): Promise<number> {
  const client = await new MongoClient(settings.mongoUri).connect();
  let records = 0;
  for (const batch of batches(settings)) {
    const documents = batch.map(({ user, n }) => ({
      _id: { user_id: new UUID(user), id: new UUID(uuidv7()) },
      ...{ amount: Decimal128.fromString(String(n / 4)), currency: "EUR", date: "2026-01-01", category_id: null },
      ...{ description: `Lunch number ${n}`, payment_method: "card", tags: ["work", "lunch"] },
      ...{ version: Long.fromNumber(n), created_at: new Date(), updated_at: new Date(), create_hash: null },
      _folded: { description: `lunch number ${n}`, payment_method: "card" },
    }));
    const { insertedCount } = await client
      .db()
      .collection("expenses")
      .insertMany(documents as never, { ordered: false });
    records += insertedCount;
  }
  await client.close();
  return records;
}

serveParent<Settings>(async (settings) => {
  const start = performance.now();
  const bare = settings.database === "supabase" ? barePostgres : bareMongo;
  const records = await (settings.how === "bare" ? bare : restore)(settings);
  const ms = performance.now() - start;
  return { ready: { ms, records, peakMb: process.resourceUsage().maxRSS / 1024 }, stop: () => undefined };
});
