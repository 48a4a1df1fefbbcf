/** Everybody's records of a Postgres, read and changed by the system: the functions of `supabase/migrations/*_system_changes.sql`. */
import { type Collection, identityOf } from "../definition/define.ts";
import type { Row } from "../repository/store.ts";
import type { ChangeOutcome, SystemChanges } from "../repository/system-changes.ts";
import type { SystemFunctions } from "./home-copy.ts";
import { recordColumns, toRecord, toRow } from "./rows.ts";

export const postgresSystemChanges = (call: SystemFunctions): SystemChanges => ({
  async page(collection: Collection, after, limit) {
    const columns = JSON.stringify(recordColumns(collection));
    const place = { p_after_owner: after?.owner ?? null, p_after_id: after?.id ?? null };
    const asked = { p_collection: collection.name, p_columns: columns, ...place, p_limit: limit };
    const records = (await call<Row[]>("switchyard_change_page", asked)).map((row) => toRecord(collection, row));
    const last = records.length < limit ? undefined : records.at(-1);
    const { owner } = identityOf(collection);
    return { records, next: last ? { owner: String(last[owner]), id: String(last.id) } : null };
  },
  change: (collection, changes) =>
    call<ChangeOutcome[]>("switchyard_change_records", {
      p_collection: collection.name,
      p_changes: JSON.stringify(changes.map(({ fields, ...change }) => ({ ...change, fields: toRow(fields) }))),
    }),
});
