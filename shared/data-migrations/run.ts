/**
 * One migration over every database that has records of its collection, under a lease. It may end at any point; the next run of
 * the same file goes on where the last batch was written down, and repeats at most that batch.
 *
 * Two runs never meet. Whose the lease is, is asked right before each batch is written; whoever has lost it writes nothing more.
 * What remains is a process that stands still between that answer and its write, for longer than its lease: which batch that is
 * stands in the progress, and in-flight.ts has its write miss.
 */
import { err, ok, type Result } from "neverthrow";
import { busy, conflict, invalid, type RepositoryError } from "../contract/errors.ts";
import type { DataMigration } from "../definition/data-migration.ts";
import type { ChangeOutcome, RecordChange, SystemChanges } from "../repository/system-changes.ts";
import { asked, CallFailed, Stopped, told, type Waiting, waiting } from "./asking.ts";
import type { Direction } from "./change.ts";
import type { Claimed, DataMigrationsControl } from "./control.ts";
import type { MigratedDatabase } from "./databases.ts";
import { lastPlaceOf, settle } from "./in-flight.ts";
import { BATCH_SIZE, lookAt } from "./look.ts";
import { addMisfit, beginPass, type Misfit, type Progress, progressIn } from "./progress.ts";

/** A file of `data-migrations/`. */
export interface LoadedMigration {
  /** of the file, without the ending */
  name: string;
  /** of its contents */
  checksum: string;
  migration: DataMigration;
}

/** What outlives the process is done, or was just asked about. */
export const RUN_POINTS = ["claimed", "kept", "written", "recorded", "passed", "finished"] as const;
export type RunPoint = (typeof RUN_POINTS)[number];

export interface RunOptions {
  control: DataMigrationsControl;
  file: LoadedMigration;
  direction: Direction;
  /** that have records of its collection */
  databases: readonly MigratedDatabase[];
  /** who runs it, for people's eyes */
  holder: string;
  leaseSeconds?: number;
  mostPasses?: number;
  /** after each batch */
  onProgress?: (progress: Readonly<Progress>) => void;
  /** what it throws ends the run there, as the process' death would */
  onPoint?: (point: RunPoint) => unknown;
  isOver?: () => boolean;
  wait?: Waiting;
}

/** Numbers of records. */
export interface RunReport {
  changed: number;
  read: number;
  passes: number;
}

const LEASE_SECONDS = 60;
const MOST_PASSES = 30;
/** For records that others write at this moment; the rest is for the next pass. */
const TRIES = 4;
const AGAIN_MS = 50;
/** For users who are being moved: their writes wait for a second or two. */
const NEXT_PASS_MS = 1_000;

class PointError extends Error {}

/**
 * `unavailable`, `conflict`: it did not come to an end, and the same run goes on. `invalid`: it was refused, or records do not
 * fit, which the message names; all others are changed.
 */
export async function runDataMigration(options: RunOptions): Promise<Result<RunReport, RepositoryError>> {
  const { control, file, direction, holder, leaseSeconds = LEASE_SECONDS } = options;
  const claimed = await control.claim(file, direction, holder, leaseSeconds);
  if (claimed.isErr()) return err(claimed.error);
  const at: Whereabouts = {};
  try {
    return ok(await work(options, claimed.value, at));
  } catch (error) {
    if (error instanceof PointError) throw error.cause;
    const reason = error instanceof Stopped ? saidOf(error, file, at) : undefined;
    const released = await control.finish(claimed.value, false, reason?.message ?? String(error));
    if (!reason) throw error;
    return err(
      released.isErr()
        ? {
            ...reason,
            message: `${reason.message} Its lease ends by itself, ${leaseSeconds} s from now at the latest.`,
          }
        : reason,
    );
  }
}

/** Which database a run is at; none: between two passes. */
interface Whereabouts {
  database?: string | undefined;
}

/** Of a call that failed it is said which migration it was, and where it had come to. */
function saidOf(stopped: Stopped, { name, migration }: LoadedMigration, { database }: Whereabouts): RepositoryError {
  if (!(stopped instanceof CallFailed)) return stopped.error;
  const where = `${migration.collection.name}${database === undefined ? ", between two passes" : ` in ${database}`}`;
  return {
    ...stopped.error,
    message: `${name} stopped at ${where}: ${stopped.error.message} What was written stays. The same command goes on there.`,
  };
}

const LOST = conflict(
  "version_mismatch",
  "The lease is lost: another run has taken over, or this one stood still for too long. Nothing more was written. Run the same command again when no other run is under way: it goes on.",
);

async function work(options: RunOptions, claim: Claimed, at: Whereabouts): Promise<RunReport> {
  const { control, file, direction, databases, onProgress, onPoint, isOver = () => false } = options;
  const { leaseSeconds = LEASE_SECONDS, mostPasses = MOST_PASSES, wait = waiting } = options;
  const { migration } = file;
  const point = async (name: RunPoint): Promise<void> => {
    try {
      await onPoint?.(name);
    } catch (cause) {
      throw new PointError(name, { cause });
    }
  };
  const isOurs = async (renew: () => ReturnType<DataMigrationsControl["keep"]>): Promise<void> => {
    if (!(await told(renew, wait))) throw new Stopped(LOST);
  };
  const record = (progress: Progress) => isOurs(() => control.record(claim, leaseSeconds, progress));
  const keep = () => isOurs(() => control.keep(claim, leaseSeconds));
  const switched = () => told(control.switched, wait);
  /** A lease that was given back by a call whose answer did not come is not lost. */
  const isThrough = async (): Promise<boolean> => {
    const row = (await told(control.list, wait)).find(({ name }) => name === file.name);
    return row?.state === (direction === "up" ? "done" : "reverted");
  };
  await point("claimed");
  let busyReason: string | undefined;

  /** One batch, until nothing of it has changed meanwhile; and then written down. */
  async function batch(database: string, changes: SystemChanges, progress: Progress): Promise<void> {
    const { collection, batchSize = BATCH_SIZE } = migration;
    for (let tries = 1; ; tries++) {
      const page = await asked(() => changes.page(collection, progress.after, batchSize), wait);
      const looked = lookAt(migration, direction, database, page.records);
      const to = lastPlaceOf(collection, page.records);
      if (to && looked.changes.length > 0)
        progress.writing = [...inherited, { ...ours, database, after: progress.after, to }];
      const { written, again, refused } = await write(changes, looked.changes, database, progress);
      progress.changed += written;
      if (again > 0 && tries < TRIES) {
        await wait(AGAIN_MS * tries);
        continue;
      }
      progress.left += again;
      progress.read += page.records.length;
      for (const misfit of [...looked.misfits, ...refused]) addMisfit(progress, misfit);
      progress.after = page.next;
      if (page.next === null) progress.through.push(database);
      progress.writing = inherited;
      break;
    }
    await record(progress);
    await point("recorded");
    onProgress?.(progress);
  }

  async function write(changes: SystemChanges, wanted: readonly RecordChange[], database: string, progress: Progress) {
    const tally = { written: 0, again: 0, refused: [] as Misfit[] };
    if (wanted.length === 0) return tally;
    await record(progress);
    await point("kept");
    const outcomes = await asked(() => changes.change(migration.collection, wanted), wait);
    await point("written");
    for (const [at, outcome] of outcomes.entries()) count(tally, outcome, { database, id: wanted[at]?.id ?? "" });
    return tally;
  }

  function count(
    tally: { written: number; again: number; refused: Misfit[] },
    outcome: ChangeOutcome,
    which: Omit<Misfit, "reason">,
  ): void {
    switch (outcome.is) {
      case "written":
        tally.written++;
        break;
      case "refused":
        tally.refused.push({ ...which, reason: outcome.reason ?? "the database does not take it" });
        break;
      case "elsewhere":
        // seen where they are now: the move was switched while the pass went on, so there is another one
        break;
      case "busy":
        busyReason = outcome.reason ?? busyReason;
        tally.again++;
        break;
      case "missed":
        tally.again++;
    }
  }

  /** Of a pass that was through, or has found misfits, which may have been mended since, nothing is left to go on with. */
  const isUseful = ({ through, misfits }: Progress): boolean =>
    misfits === 0 && databases.some(({ name }) => !through.includes(name));
  const kept = progressIn(claim.progress);
  const ours = { direction, checksum: file.checksum };
  const isOther = (batch: typeof ours) => batch.direction !== direction || batch.checksum !== file.checksum;
  const { writing = [] } = claim.progress;
  let inherited = writing.filter((batch) => !isOther(batch));
  let progress = kept && isUseful(kept) ? kept : beginPass(await switched(), kept);
  if (inherited.length < writing.length) {
    const { collection, batchSize = BATCH_SIZE } = migration;
    for (const batch of writing.filter(isOther)) {
      at.database = batch.database;
      await settle(batch, { collection, databases, batchSize, keep, wait });
    }
    progress.writing = inherited;
    await record(progress);
  }
  const last = progress.pass + mostPasses - 1;
  for (;;) {
    for (const database of databases) {
      at.database = database.name;
      const changes = await asked(() => database.changes(), wait);
      while (!progress.through.includes(database.name)) {
        if (isOver()) throw new Stopped(ENDED);
        await batch(database.name, changes, progress);
      }
    }
    at.database = undefined;
    await point("passed");
    const moves = await switched();
    const { changed, left, misfits, before, pass, read } = progress;
    if (left === 0 && inherited.length > 0) {
      // every record of those batches was looked at, and has been changed where there was something to change
      inherited = [];
      progress.writing = inherited;
      await record(progress);
    }
    if (changed === 0 && left === 0 && moves === progress.switched) {
      if (misfits > 0) throw new Stopped(unfit(file, progress));
      if (!(await told(() => control.finish(claim, true), wait)) && !(await isThrough())) throw new Stopped(LOST);
      await point("finished");
      return { changed: before, read, passes: pass };
    }
    if (pass >= last) throw new Stopped(busy(endless(progress, busyReason)));
    if (left > 0) await wait(NEXT_PASS_MS);
    progress = beginPass(moves, progress);
  }
}

const ENDED = busy("Ended early. The same command goes on where it ended.");

const endless = ({ pass, changed, left }: Progress, reason?: string): string =>
  `After ${pass} passes there are still records to change: the last one has changed ${changed}, and ${left} could not be changed.${reason ? ` (${reason})` : ""} What writes them in the old shape has to be replaced first; then run the same command again.`;

export const misfitsInWords = (first: readonly Misfit[], all: number): string[] => [
  ...first.map(({ database, id, reason }) => `  ${id} (${database}): ${reason}`),
  ...(all > first.length ? [`  and ${all - first.length} more`] : []),
];

const unfit = ({ name, migration }: LoadedMigration, { misfits, first }: Progress): RepositoryError =>
  invalid(
    "invalid_input",
    [
      `${misfits} records of ${migration.collection.name} do not fit, and ${name} is not done; all others are in their new shape.`,
      ...misfitsInWords(first, misfits),
    ].join("\n"),
  );
