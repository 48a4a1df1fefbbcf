/** `switchyard migrate`: changes to the records of a collection, in every database that has some of them. */
import { hostname, userInfo } from "node:os";
import type { Direction } from "../../shared/data-migrations/change.ts";
import { checkDataMigration } from "../../shared/data-migrations/check.ts";
import { createDataMigrationsControl, type ListedMigration } from "../../shared/data-migrations/control.ts";
import { databasesOf, type MigratedDatabase } from "../../shared/data-migrations/databases.ts";
import { inOrder } from "../../shared/data-migrations/in-order.ts";
import { type LoadedMigration, misfitsInWords, runDataMigration } from "../../shared/data-migrations/run.ts";
import { readDataMigrations, UnfitFiles } from "../data-migration-files.ts";
import { type Command, type Given, type Io, JSON_OPTION, json, orRefuse, Refused, table, WrongUse } from "./command.ts";
import { type Connection, connected } from "./connect.ts";
import { notedChange } from "./noted.ts";
import { createProgress } from "./progress.ts";

const COUNT_MS = 5_000;
const OPTIONS = {
  ...JSON_OPTION,
  to: { type: "string" },
  "dry-run": { type: "boolean" },
  "skip-check": { type: "boolean" },
  folder: { type: "string" },
} as const;

async function filesIn({ values: { folder } }: Given): Promise<LoadedMigration[]> {
  try {
    return await readDataMigrations(typeof folder === "string" ? folder : undefined);
  } catch (error) {
    throw error instanceof UnfitFiles ? new Refused(error.message) : error;
  }
}

const textIn = (value: string | boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

interface Task {
  file: LoadedMigration;
  direction: Direction;
  connection: Connection;
  databases: readonly MigratedDatabase[];
  io: Io;
}

/** Of living records in all of them; 0 where that is not known in time. */
async function totalOf({ file, databases, connection: { registry } }: Task): Promise<number> {
  const { collection } = file.migration;
  let total = 0;
  for (const { name } of databases) {
    const counted = await registry
      .get(name)
      ?.system.count([collection], COUNT_MS)
      .catch(() => undefined);
    total += counted?.counts[collection.name] ?? 0;
  }
  return total;
}

async function check(task: Task, total: number) {
  const { file, direction, databases, io } = task;
  const progress = createProgress(io);
  const isOver = () => io.isInterrupted?.() === true;
  try {
    const looked = await checkDataMigration({
      ...{ migration: file.migration, direction, databases, isOver },
      onRead: (read) => progress.at(`${file.name}: records looked at`, read, total),
    });
    if (looked.isErr())
      throw new Refused(`${file.name} could not be looked at: ${looked.error.message} Nothing was changed.`);
    const checked = looked.value;
    if (!checked.isAll) throw new Refused("Ended early, and nothing was changed.");
    return checked;
  } finally {
    progress.end();
  }
}

async function perform(task: Task, total: number) {
  const { file, direction, databases, io, connection } = task;
  const progress = createProgress(io);
  const isOver = () => io.isInterrupted?.() === true;
  try {
    return orRefuse(
      await runDataMigration({
        ...{ control: createDataMigrationsControl(connection.service), file, direction, databases, isOver },
        holder: holderName(),
        onProgress: ({ pass, read }) => progress.at(`${file.name} ${direction}, pass ${pass}: records`, read, total),
      }),
    );
  } finally {
    progress.end();
  }
}

function holderName(): string {
  try {
    return `${userInfo().username} on ${hostname()}`;
  } catch {
    // a container's user need have no name
    return hostname();
  }
}

async function migrate(direction: Direction, given: Given, io: Io): Promise<void> {
  const { values } = given;
  const files = await filesIn(given);
  const isJson = values.json === true;
  const shown: Io = isJson ? { ...io, out: () => {}, terminal: undefined } : io;
  await connected(io.env, async (connection) => {
    const listed = orRefuse(await createDataMigrationsControl(connection.service).list());
    const wanted = orRefuse(await inOrder(files, listed, { direction, to: textIn(values.to) }));
    const rows = orRefuse(await connection.assignments.databases());
    const reports: Record<string, unknown>[] = [];
    for (const file of wanted) {
      const databases = orRefuse(databasesOf(file.migration.collection, connection.registry, rows));
      const task: Task = { file, direction, connection, databases, io: shown };
      const total = await totalOf(task);
      const { name } = file;
      if (values["dry-run"] === true || values["skip-check"] !== true) {
        const { read, changing, misfits, first } = await check(task, total);
        if (values["dry-run"] === true)
          reports.push({ name, direction, read, would_change: changing, misfits, first_misfits: first });
        shown.out(`${name}: ${changing} of ${read} records would change, ${misfits} do not fit.`);
        if (misfits > 0) {
          for (const line of misfitsInWords(first, misfits)) shown.out(line);
          if (values["dry-run"] !== true)
            throw new Refused(
              [`${name} was not begun: ${misfits} records do not fit.`, ...misfitsInWords(first, misfits)].join("\n"),
            );
        }
      }
      if (values["dry-run"] === true) continue;
      const change = { action: `migrate ${direction}`, subjects: [name], values };
      const { changed, read, passes } = await notedChange(io, change, () => perform(task, total));
      reports.push({ name, direction, changed, read, passes });
      shown.out(
        `${name} is ${direction === "up" ? "done" : "taken back"}: ${changed} records changed, all ${read} looked at again.`,
      );
    }
    if (isJson) io.out(json(reports));
    else if (wanted.length === 0) io.out("There is nothing to be done.");
    if (values["dry-run"] === true && reports.some(({ misfits }) => misfits !== 0))
      throw new Refused("There are records that do not fit; nothing was changed.");
  });
}

export const migrateUp: Command = {
  name: "migrate up",
  usage: "[--to=<name>] [--dry-run] [--skip-check] [--folder=<folder>] [--json]",
  about:
    "Runs the data migrations of data-migrations/ that have not been run, in the order of their names, or goes on with one that was interrupted. It looks at all records first, and begins with nothing if one does not fit; --dry-run only looks.",
  options: OPTIONS,
  positionals: 0,
  run: (given, io) => migrate("up", given, io),
};

export const migrateDown: Command = {
  name: "migrate down",
  usage: "--last | --to=<name> [--dry-run] [--skip-check] [--folder=<folder>] [--json]",
  about: "Takes back the last data migration, or that one and all after it, by their own down.",
  options: { ...OPTIONS, last: { type: "boolean" } },
  positionals: 0,
  run(given, io) {
    const { last, to } = given.values;
    if ((last === true) === (to !== undefined)) throw new WrongUse("Say --last, or --to=<name>.");
    return migrate("down", given, io);
  },
};

const STATES: Readonly<Record<ListedMigration["state"], string>> = {
  running: "half done: migrate up goes on",
  done: "done",
  reverting: "half taken back: migrate down goes on",
  reverted: "taken back",
};

function inWords(file: LoadedMigration | undefined, row: ListedMigration | undefined): string {
  if (!row) return "pending";
  const state = row.is_held ? `${row.state}, by ${row.holder}, pass ${row.progress.pass ?? 1}` : STATES[row.state];
  const isOther = file && file.checksum !== row.checksum && row.state !== "reverted";
  return [
    state,
    ...(file ? [] : ["its file is not here"]),
    ...(isOther ? ["its file has changed since it was run"] : []),
  ].join("; ");
}

export const migrateStatus: Command = {
  name: "migrate status",
  usage: "[--folder=<folder>] [--json]",
  about: "Says which data migrations there are, which were run, and what has become of them.",
  options: { ...JSON_OPTION, folder: OPTIONS.folder },
  positionals: 0,
  async run(given, { env, out }) {
    const files = new Map((await filesIn(given)).map((file) => [file.name, file]));
    await connected(env, async ({ service }) => {
      const rows = new Map(orRefuse(await createDataMigrationsControl(service).list()).map((row) => [row.name, row]));
      const names = [...new Set([...files.keys(), ...rows.keys()])].sort();
      const all = names.map((name) => {
        const [file, row] = [files.get(name), rows.get(name)];
        const { before = 0, changed = 0 } = row?.progress ?? {};
        return {
          name,
          collection: file?.migration.collection.name ?? null,
          state: row?.state ?? "pending",
          is_held: row?.is_held ?? false,
          changed: before + changed,
          ended_at: row?.ended_at ?? null,
          last_error: row?.last_error ?? null,
          can_be_taken_back: file?.migration.down !== undefined,
          has_file: file !== undefined,
          has_changed: file !== undefined && row !== undefined && file.checksum !== row.checksum,
          words: inWords(file, row),
        };
      });
      if (given.values.json) return out(json(all.map(({ words: _, ...each }) => each)));
      if (all.length === 0) return out("There are no data migrations.");
      const shown = all.map((each) => [
        each.name,
        each.collection ?? "?",
        each.has_file && !each.can_be_taken_back ? "no down" : "",
        String(each.changed),
        each.words,
      ]);
      out(table(["name", "collection", "", "changed", ""], shown));
      for (const { name, last_error } of all) if (last_error !== null) out(`${name}: ${last_error}`);
    });
  },
};
