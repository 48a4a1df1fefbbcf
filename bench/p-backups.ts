/**
 * (p) A backup of a million records of each database, and all of them restored: how fast, compared with a scan and with inserts in
 * bulk by the same driver, and what memory it takes. In turns, each in a process of its own. P_RECORDS, P_TURNS: fewer.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { median, sorted } from "./measure.ts";
import { loadMongo, loadPostgres } from "./records.ts";
import type { Read, Settings as Reading } from "./servers/backing-up.ts";
import type { Settings as Writing, Written } from "./servers/restoring.ts";
import { withoutTriggers } from "./without-triggers.ts";

const RECORDS = Number(process.env.P_RECORDS ?? 1_000_000);
const USERS = 10;
const TURNS = Number(process.env.P_TURNS ?? 3);
const RATE_BAR = 0.5;
const MEMORY_BAR_MB = 200;
/** As `npm run switchyard` runs: without it the heap grows with garbage before any is collected, to twice as much. */
const FLAGS = ["--optimize-for-size"];

const DATABASES = ["supabase", "mongodb"] as const;
type Database = (typeof DATABASES)[number];

export async function backups(bench: Bench, lines: Lines): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-backup-"));
  bench.atEnd(() => rm(folder, { recursive: true }));
  for (const database of DATABASES) {
    const users: string[] = [];
    for (let count = 0; count < USERS; count++) users.push((await bench.user(database)).id);
    await load(bench, database, users);
    const id = await readInTurns(bench, lines, database, folder);
    await writeInTurns(bench, lines, database, { folder, id, users });
  }
}

const load = ({ db, sql }: Bench, database: Database, users: readonly string[]): Promise<void> =>
  database === "mongodb" ? loadMongo(db, users, RECORDS / USERS) : loadPostgres(sql, users, RECORDS / USERS);

async function empty({ db, sql }: Bench, database: Database): Promise<void> {
  if (database === "mongodb") await db.collection("expenses").deleteMany({});
  else await withoutTriggers(sql, "public.expenses", (tx) => tx`delete from public.expenses`);
}

async function readInTurns(bench: Bench, lines: Lines, database: Database, folder: string): Promise<string> {
  const { dbUrl, mongoUri, server } = bench;
  const read = async (how: Reading["how"]): Promise<Read> => {
    const settings: Reading = { database, how, dbUrl, mongoUri, folder };
    const child = await server<Read>("backing-up.ts", settings, FLAGS);
    await child.stop();
    if (child.ready.records !== RECORDS) throw new Error(`${how}: ${child.ready.records} records of ${RECORDS}`);
    return child.ready;
  };
  const turns: { bare: Read; done: Read }[] = [];
  for (let turn = 0; turn < TURNS; turn++) turns.push({ bare: await read("bare"), done: await read("backup") });
  say(lines, `a backup of ${database}, its rate to that of a scan`, turns);
  return turns.at(-1)?.done.id ?? "";
}

async function writeInTurns(
  bench: Bench,
  lines: Lines,
  database: Database,
  given: Pick<Writing, "folder" | "id" | "users">,
): Promise<void> {
  const { dbUrl, mongoUri, server } = bench;
  const write = async (how: Writing["how"]): Promise<Written> => {
    await empty(bench, database);
    const settings: Writing = { database, how, dbUrl, mongoUri, records: RECORDS, ...given };
    const child = await server<Written>("restoring.ts", settings, FLAGS);
    await child.stop();
    if (child.ready.records !== RECORDS) throw new Error(`${how}: ${child.ready.records} records of ${RECORDS}`);
    return child.ready;
  };
  const turns: { bare: Written; done: Written }[] = [];
  for (let turn = 0; turn < TURNS; turn++) turns.push({ bare: await write("bare"), done: await write("restore") });
  say(lines, `a restore into ${database}, its rate to that of inserts in bulk`, turns);
}

type Turn = Record<"bare" | "done", Pick<Written, "ms" | "peakMb">>;

function say(lines: Lines, what: string, turns: readonly Turn[]): void {
  const rate = (ms: number) => `${Math.round((RECORDS * 1_000) / ms).toLocaleString("en")} records/s`;
  const bareMs = median(sorted(turns.map(({ bare }) => bare.ms)));
  const doneMs = median(sorted(turns.map(({ done }) => done.ms)));
  lines.atLeast(what, bareMs / doneMs, RATE_BAR, "x", `${rate(doneMs)}, ${rate(bareMs)}`);
  const peak = Math.max(...turns.map(({ done }) => done.peakMb));
  lines.atMost(
    `${what.split(",")[0]}, memory of the process`,
    peak,
    MEMORY_BAR_MB,
    " MB",
    `${RECORDS.toLocaleString("en")} records`,
  );
}
