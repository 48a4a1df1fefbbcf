/** A migration without its writes: what it would change, and what does not fit. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { DataMigration } from "../definition/data-migration.ts";
import type { ChangePage, Place } from "../repository/system-changes.ts";
import { asked, CallFailed, type Waiting, waiting } from "./asking.ts";
import type { Direction } from "./change.ts";
import type { MigratedDatabase } from "./databases.ts";
import { BATCH_SIZE, lookAt } from "./look.ts";
import { addMisfit, type Misfit } from "./progress.ts";

export interface CheckOptions {
  migration: DataMigration;
  direction: Direction;
  /** that have records of its collection */
  databases: readonly MigratedDatabase[];
  onRead?: (read: number) => void;
  isOver?: () => boolean;
  wait?: Waiting;
}

/** Numbers of records. */
export interface CheckReport {
  read: number;
  /** that would change */
  changing: number;
  misfits: number;
  /** of these, the first ones */
  first: Misfit[];
  /** false: ended before it was through */
  isAll: boolean;
}

/** Reads every record once; nothing is written, and no lease is taken. The error says which database it was. */
export async function checkDataMigration(options: CheckOptions): Promise<Result<CheckReport, RepositoryError>> {
  const { migration, direction, databases, onRead, isOver = () => false, wait = waiting } = options;
  const { collection, batchSize = BATCH_SIZE } = migration;
  const report: CheckReport = { read: 0, changing: 0, misfits: 0, first: [], isAll: true };
  let at = "";
  try {
    for (const database of databases) {
      at = database.name;
      const changes = await asked(() => database.changes(), wait);
      for (let after: Place | null = null, isFirst = true; isFirst || after !== null; isFirst = false) {
        if (isOver()) return ok({ ...report, isAll: false });
        const from: Place | null = after;
        const page: ChangePage = await asked(() => changes.page(collection, from, batchSize), wait);
        const looked = lookAt(migration, direction, database.name, page.records);
        report.read += page.records.length;
        report.changing += looked.changes.length;
        for (const misfit of looked.misfits) addMisfit(report, misfit);
        onRead?.(report.read);
        after = page.next;
      }
    }
    return ok(report);
  } catch (error) {
    if (error instanceof CallFailed)
      return err({ ...error.error, message: `${collection.name} in ${at}: ${error.error.message}` });
    throw error;
  }
}
