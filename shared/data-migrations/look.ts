/** A batch of records through a migration's functions: what is to be written, and what does not fit. */

import type { DataMigration } from "../definition/data-migration.ts";
import { identityOf } from "../definition/define.ts";
import type { Row } from "../repository/store.ts";
import type { RecordChange } from "../repository/system-changes.ts";
import { changeOf, type Direction, foundAfter } from "./change.ts";
import type { Misfit } from "./progress.ts";

export interface Looked {
  changes: RecordChange[];
  /** these are not written */
  misfits: Misfit[];
}

/** `database`: where the records are. */
export function lookAt(
  migration: DataMigration,
  direction: Direction,
  database: string,
  records: readonly Row[],
): Looked {
  const { owner } = identityOf(migration.collection);
  const looked: Looked = { changes: [], misfits: [] };
  for (const record of records) {
    const id = String(record.id);
    const change = changeOf(migration, direction, record);
    const fields = change.is === "change" ? change.fields : {};
    const wrong =
      change.is === "misfit"
        ? change.reason
        : direction === "up"
          ? foundAfter(migration, { ...record, ...fields })
          : null;
    if (wrong !== null) looked.misfits.push({ database, id, reason: wrong });
    else if (change.is === "change")
      looked.changes.push({ owner: String(record[owner]), id, version: Number(record.version), fields });
  }
  return looked;
}

export const BATCH_SIZE = 200;
