/** `switchyard import`: users and records of an application that lived elsewhere; what runs have made, and how it is taken back. */
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homeCollections } from "../../shared/collections/index.ts";
import { createAccounts } from "../../shared/imports/accounts.ts";
import { dryRun } from "../../shared/imports/dry-run.ts";
import { createFindings, type Findings } from "../../shared/imports/findings.ts";
import { createJournal } from "../../shared/imports/journal.ts";
import { type Mapping, readMapping } from "../../shared/imports/mapping.ts";
import type { RunReport } from "../../shared/imports/run-import.ts";
import type { ImportSource } from "../../shared/imports/source.ts";
import { totalsAsJson } from "../../shared/imports/totals.ts";
import { isVerified, type Verification } from "../../shared/imports/verify-import.ts";
import type { CsvFormat } from "../import/csv-format.ts";
import { UnreadableSource } from "../import/file-source.ts";
import { findingsInWords, runInWords, totalsInWords } from "../import/in-words.ts";
import { apartInWords, leftApart } from "../import/left-apart.ts";
import { openSource } from "../import/open-source.ts";
import { summaryOf, wholeRun, wholeUndo } from "../import/whole-run.ts";
import {
  type Command,
  type Given,
  type Io,
  JSON_OPTION,
  json,
  LeftSomeOut,
  orRefuse,
  Refused,
  table,
  WrongUse,
} from "./command.ts";
import { type Connection, connected } from "./connect.ts";
import { createProgress, type Progress } from "./progress.ts";

/** Users that are read, claimed and settled at once; fewer of them where each has many records: all of these are in memory. */
const BATCH = 200;
const RECORDS_IN_MEMORY = 20_000;
/** Users that are written at the same time: what a small project's pool answers. */
const AT_ONCE = 8;
const ACCOUNTS_LOOKED_AT = 100;
const DELIMITERS: Readonly<Record<string, string>> = { tab: "\t" };

function formatIn({ values: { delimiter, decimal, encoding } }: Given): Partial<CsvFormat> {
  if (decimal !== undefined && decimal !== "," && decimal !== ".") throw new WrongUse("--decimal is , or .");
  const parting = delimiter === undefined ? undefined : (DELIMITERS[String(delimiter)] ?? String(delimiter));
  if (parting !== undefined && parting.length !== 1) throw new WrongUse("--delimiter is one character, or tab.");
  return {
    ...(parting !== undefined && { delimiter: parting }),
    ...(decimal !== undefined && { decimalMark: decimal }),
    ...(encoding !== undefined && { encoding: String(encoding) }),
  };
}

function runIn(text: string | boolean | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(String(text))) throw new WrongUse(`"${text}" is no run: import status lists them.`);
  return Number(text);
}

async function mappingIn(file: string): Promise<{ mapping: Mapping; written: unknown; hash: string }> {
  const read = await readFile(file, "utf8").catch((error: Error) => {
    throw new Refused(`${file} cannot be read: ${error.message}`);
  });
  // as some editors begin a file
  const text = read.replace(/^\ufeff/, "");
  const mapping = readMapping(text, homeCollections);
  if (mapping.isErr()) throw new Refused([`${file}:`, ...mapping.error.map((each) => `  ${each}`)].join("\n"));
  const written: unknown = JSON.parse(text);
  return { mapping: mapping.value, written, hash: createHash("sha256").update(JSON.stringify(written)).digest("hex") };
}

interface Task {
  io: Io;
  connection: Connection;
  source: ImportSource;
  mapping: Mapping;
  findings: Findings;
  progress: Progress;
  isJson: boolean;
  total: number;
  batchSize: number;
}

async function batchSizeFor(source: ImportSource, { records }: Mapping, users: number): Promise<number> {
  let documents = 0;
  for (const from of new Set(records.map((entry) => entry.from))) documents += await source.count(from);
  const each = Math.max(1, documents / Math.max(1, users));
  return Math.max(1, Math.min(BATCH, Math.floor(RECORDS_IN_MEMORY / each)));
}

const isOverIn =
  ({ isInterrupted = () => false }: Io) =>
  () =>
    isInterrupted();

async function rehearse(task: Task): Promise<void> {
  const { io, connection, source, mapping, findings, progress, isJson, total, batchSize } = task;
  const journal = createJournal(connection.service, randomUUID());
  const found = orRefuse(
    await dryRun({
      ...{ source, mapping, journal, find: findings.add, batchSize, isOver: isOverIn(io) },
      onRead: (read) => progress.at("users read", read, total),
    }),
  );
  progress.end();
  const { fit, unfit, totals, isAll } = found;
  if (isJson) io.out(json({ fit, unfit, is_all: isAll, totals: totalsAsJson(totals), findings: findings.list() }));
  else {
    io.out(`${fit} users would be imported, ${unfit} would not.`);
    for (const line of [...totalsInWords(totals), ...findingsInWords(findings.list())]) io.out(line);
  }
  if (!isAll) throw new Refused("Ended early: this is not all of the source.");
  if (unfit > 0)
    throw new LeftSomeOut(
      `${unfit} users would not be imported, for what stands under "What does not fit". Mend the source or the mapping.`,
    );
}

async function perform(task: Task, given: Given, { written, hash }: { written: unknown; hash: string }): Promise<void> {
  const { io, connection, source, mapping, findings, progress, isJson, total, batchSize } = task;
  const { service, registry } = connection;
  const home = String(given.values.home ?? "mongodb");
  const database = registry.get(home);
  if (!database)
    throw new Refused(`There is no database "${home}" here. There are ${[...registry.keys()].join(", ")}.`);
  const options = {
    ...{ source, mapping, find: findings.add, batchSize, atOnce: AT_ONCE, isOver: isOverIn(io) },
    ...{
      journal: createJournal(service, randomUUID()),
      accounts: createAccounts(service),
      home: await database.copy(),
    },
    accountEvery: Math.max(1, Math.floor(total / ACCOUNTS_LOOKED_AT)),
  };
  let again = "The same command may be run again.";
  const whole = await wholeRun({
    ...options,
    asked: { source: source.title, map: written, mapHash: hash, home },
    wanted: runIn(given.values.run),
    onBegun({ id, is_new }) {
      again = `Run ${id} is not finished: the same command goes on with it, and import undo ${id} takes it back.`;
      if (!isJson) io.out(`Run ${id}${is_new ? "" : " goes on"}: ${source.title} to ${home}.`);
    },
    onRead: (read) => progress.at("users", read, total),
    onVerified: (read) => progress.at("users verified", read, total),
  });
  progress.end();
  if (whole.isErr()) throw new Refused(`${whole.error.message}\n${again}`);
  const { run, ran, verification, isThrough } = whole.value;
  report(task, run, ran, verification);
  if (!isThrough || !verification) throw new Refused(`Ended early. ${again}`);
  if (!isVerified(verification))
    throw new Refused(
      `What is here is not what the source has, as it says above. What has changed there since is not brought by itself: import undo ${run} takes the run back, and the same command brings it anew.`,
    );
  if (ran.failed > 0)
    throw new LeftSomeOut(
      `${ran.failed} users were not imported, and everybody else was. "import status ${run}" says who, and why. Mend the source, and the same command tries them again.`,
    );
}

function report({ io, findings, isJson }: Task, run: number, ran: RunReport, verification?: Verification): void {
  const found = findings.list();
  if (isJson) {
    const verified = verification?.isAll ? summaryOf(verification) : null;
    io.out(json({ run, imported: ran.imported, before: ran.before, failed: ran.failed, verified, findings: found }));
    return;
  }
  io.out(
    `${ran.imported + ran.before} users imported${ran.before > 0 ? ` (${ran.before} of them before)` : ""}, ${ran.failed} failed.`,
  );
  if (verification?.isAll) {
    const { users, records, accounts, changed } = verification;
    const sums = isVerified(verification)
      ? "counts, sums and fields are the source's"
      : "they are NOT what the source has";
    io.out(
      `Verified: ${records} records of ${users} users, and ${accounts} accounts: ${sums}.${changed > 0 ? ` ${changed} were changed since.` : ""}`,
    );
    for (const line of totalsInWords(verification.found)) io.out(`  ${line}`);
  }
  for (const line of findingsInWords(found)) io.out(line);
}

export const importCommand: Command = {
  name: "import",
  usage:
    "--from=<mongodb address or folder> --map=<file> [--dry-run] [--home=<database>] [--run=<id>] [--delimiter=<c>] [--decimal=<c>] [--encoding=<name>] [--json]",
  about:
    "Brings users and their records from a MongoDB of another application, or from NDJSON and CSV files, as the mapping says. The source is only read. --dry-run says what would not fit, and why. The same command again goes on with what has ended early; --run with a run whose source has another address by now.",
  options: {
    ...JSON_OPTION,
    from: { type: "string" },
    map: { type: "string" },
    "dry-run": { type: "boolean" },
    home: { type: "string" },
    run: { type: "string" },
    delimiter: { type: "string" },
    decimal: { type: "string" },
    encoding: { type: "string" },
  },
  positionals: 0,
  async run(given, io) {
    const { from, map } = given.values;
    if (typeof from !== "string" || typeof map !== "string") throw new WrongUse("Say --from and --map.");
    const told = formatIn(given);
    const read = await mappingIn(map);
    const isJson = given.values.json === true;
    await connected(io.env, (connection) =>
      reading(from, told, async (source) => {
        const names = new Set(await source.names());
        const wanted = new Set([read.mapping.users, ...read.mapping.records].map((each) => each.from));
        const missing = [...wanted].filter((name) => !names.has(name));
        if (missing.length > 0)
          throw new Refused(
            `The source has no ${missing.map((name) => `"${name}"`).join(", ")}. It has ${[...names].join(", ")}.`,
          );
        if (!isJson) for (const line of source.guessed) io.out(line);
        const total = await source.count(read.mapping.users.from);
        const progress = createProgress(isJson ? { ...io, out: () => {}, terminal: undefined } : io);
        const task = {
          io,
          connection,
          source,
          mapping: read.mapping,
          findings: createFindings(),
          progress,
          isJson,
          total,
          batchSize: await batchSizeFor(source, read.mapping, total),
        };
        await (given.values["dry-run"] === true ? rehearse(task) : perform(task, given, read));
      }),
    );
  },
};

async function reading(
  uri: string,
  told: Partial<CsvFormat>,
  work: (source: ImportSource) => Promise<void>,
): Promise<void> {
  let source: ImportSource | undefined;
  try {
    source = await openSource(uri, told);
    await work(source);
  } catch (error) {
    throw error instanceof UnreadableSource ? new Refused(error.message) : error;
  } finally {
    await source?.close();
  }
}

export const importUndo: Command = {
  name: "import undo",
  usage: "<run> [--json]",
  about:
    "Takes back what a run has brought, but for what its users have made of it since. Safe to interrupt, and to run twice.",
  options: JSON_OPTION,
  positionals: 1,
  async run(given, io) {
    const run = runIn(given.positionals[0]) ?? 0;
    await connected(io.env, async ({ service, registry, assignments }) => {
      const journal = createJournal(service, randomUUID());
      const [listed] = orRefuse(await journal.list(run));
      const begun = orRefuse(await journal.beginUndo(run));
      const database = registry.get(begun.home);
      if (!database) throw new Refused(`Run ${run} went to "${begun.home}", which is not configured here.`);
      const { claimed = 0, done = 0, undoing = 0 } = listed?.users ?? {};
      const progress = createProgress(given.values.json ? { ...io, out: () => {}, terminal: undefined } : io);
      const undone = await wholeUndo({
        ...{ run, journal, accounts: createAccounts(service), home: await database.copy() },
        ...{ collections: homeCollections, batchSize: BATCH, atOnce: AT_ONCE, isOver: isOverIn(io) },
        homesOf: assignments.homesOf,
        onDone: (count) => progress.at("users taken back", count, claimed + done + undoing),
      });
      progress.end();
      const again = `Run ${run} is half undone: the same command goes on.`;
      if (undone.isErr()) throw new Refused(`${undone.error.message}\n${again}`);
      const { undone: gone, kept, isAll } = undone.value;
      if (given.values.json) io.out(json({ run, undone: gone, kept, is_all: isAll }));
      else {
        io.out(`${gone} users taken back, ${kept.length} kept.`);
        for (const { user_id, reason } of kept) io.out(`  ${user_id}: ${reason}. What was as it was brought is gone.`);
      }
      if (!isAll) throw new Refused(`Ended early. ${again}`);
    });
  },
};

export const importStatus: Command = {
  name: "import status",
  usage: "[<run>] [--json]",
  about:
    "Says which runs there were, and how many users each has brought; of one that is named, who was left out or has stayed, and why.",
  options: JSON_OPTION,
  positionals: { least: 0, most: 1 },
  run: (given, { env, out }) =>
    connected(env, async ({ service }) => {
      const journal = createJournal(service, randomUUID());
      const wanted = runIn(given.positionals[0]);
      const runs = orRefuse(await journal.list(wanted));
      if (wanted !== undefined && runs.length === 0)
        throw new Refused(`There is no run ${wanted}: import status lists them.`);
      const apart = wanted === undefined ? [] : await leftApart(journal, wanted);
      if (given.values.json) return out(json(wanted === undefined ? runs : runs.map((run) => ({ ...run, apart }))));
      if (runs.length === 0) return out("Nothing was imported.");
      const rows = runs.map((run) => [
        String(run.id),
        run.began_at.slice(0, 16),
        run.source,
        run.home,
        runInWords(run),
      ]);
      out(table(["run", "began", "from", "to", ""], rows));
      for (const each of apart) out(apartInWords(each));
    }),
};
