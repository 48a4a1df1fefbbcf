/** What a write's refusal means: an SQLSTATE, and the references whose records are not there. */

import { busy, conflict, forbidden, invalid, notFound, type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { referencesFrom } from "../definition/references.ts";
import { sqlstateFailure } from "./failures.ts";

export interface Refusal {
  /** an SQLSTATE: Postgres' own, or one of `record_functions.sql` (SY...) */
  error: string;
  /** fields, where a reference is violated */
  missing?: readonly string[] | null;
}

export function refusalOf(collection: Collection, { error, missing }: Refusal, deleting = false): RepositoryError {
  switch (error) {
    case "P0002":
      return notFound();
    case "SY412":
      return conflict("version_mismatch", "The record has changed. Read it again and repeat the change.");
    case "SY409":
      return conflict("idempotency_mismatch", "This idempotency key was used with another body. Use a new key.");
    case "SY410":
      return conflict("deleted", "The record that this request created has been deleted.");
    case "23505":
      return conflict("duplicate", "There is a record with this id or unique key.");
    case "23503":
      if (deleting) return conflict("referenced", "Other records refer to this one. Delete or change them first.");
      // gone when it was looked for, and there again when that was looked into, time after time
      if (missing?.length === 0) return busy("A record that this one refers to is being changed. Try again.");
      return missingReference(collection, missing ?? []);
    case "42501":
      return forbidden("This user's records are not kept in this database.");
  }
  if (/^2[23]...$/.test(error)) return invalid("invalid_input", "The database refuses this record.");
  return sqlstateFailure(error, error) ?? unavailable("The database could not do this.", error);
}

function missingReference(collection: Collection, missing: readonly string[]): RepositoryError {
  const fields = referencesFrom(collection).filter(({ field }) => missing.includes(field));
  return invalid(
    "invalid_reference",
    "A record that this one refers to does not exist.",
    fields.map(({ field, target }) => ({
      field,
      code: "invalid_reference",
      message: `There is no record with this id in ${target}.`,
    })),
  );
}
