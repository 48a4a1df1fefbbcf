/**
 * (p) A backup of a million records of each database: how fast it reads them, compared with a scan by the same driver that does
 * nothing with what it gets, and what memory it takes. In turns, each in a process of its own.
 */
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { median, sorted } from "./measure.ts";
import { loadMongo, loadPostgres } from "./records.ts";
import type { Read, Settings } from "./servers/backing-up.ts";

const RECORDS = 1_000_000;
const USERS = 10;
const TURNS = 3;
const RATE_BAR = 0.5;
const MEMORY_BAR_MB = 200;
/** As `npm run switchyard` runs: without it the heap grows with garbage before any is collected, to twice as much. */
const FLAGS = ["--optimize-for-size"];

export async function backups({ user, sql, db, dbUrl, mongoUri, server }: Bench, lines: Lines): Promise<void> {
  for (const database of ["supabase", "mongodb"] as const) {
    const users: string[] = [];
    for (let count = 0; count < USERS; count++) users.push((await user(database)).id);
    await (database === "mongodb" ? loadMongo(db, users, RECORDS / USERS) : loadPostgres(sql, users, RECORDS / USERS));
    const read = async (how: Settings["how"]): Promise<Read> => {
      const settings: Settings = { database, how, dbUrl, mongoUri };
      const child = await server<Read>("backing-up.ts", settings, FLAGS);
      await child.stop();
      if (child.ready.records !== RECORDS) throw new Error(`${how}: ${child.ready.records} records of ${RECORDS}`);
      return child.ready;
    };
    const turns: { bare: Read; backup: Read }[] = [];
    for (let turn = 0; turn < TURNS; turn++) turns.push({ bare: await read("bare"), backup: await read("backup") });
    const bareMs = median(sorted(turns.map(({ bare }) => bare.ms)));
    const backupMs = median(sorted(turns.map(({ backup }) => backup.ms)));
    const rate = (ms: number) => `${Math.round((RECORDS * 1_000) / ms).toLocaleString("en")} records/s`;
    const what = `${RECORDS.toLocaleString("en")} records of ${database}`;
    lines.atLeast(
      `${what}, a backup's rate to that of a scan`,
      bareMs / backupMs,
      RATE_BAR,
      "x",
      `${rate(backupMs)}, ${rate(bareMs)}`,
    );
    const peak = Math.max(...turns.map(({ backup }) => backup.peakMb));
    const before = Math.max(...turns.map(({ backup }) => backup.bareMb));
    lines.atMost(
      `${what}, memory of the process`,
      peak,
      MEMORY_BAR_MB,
      " MB",
      `${before.toFixed(0)} MB before it began`,
    );
  }
}
