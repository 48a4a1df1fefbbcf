/** What a write is refused for, in the words that clients see: the same for every engine. */

import { conflict, forbidden, invalid, type RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { referencesFrom } from "../definition/references.ts";
import { inMegabytes } from "../values/bytes.ts";
import type { Counted } from "./quotas.ts";

export const DUPLICATE = conflict("duplicate", "There is a record with this id or unique key.");
export const VERSION_MISMATCH = conflict(
  "version_mismatch",
  "The record has changed. Read it again and repeat the change.",
);
export const REFERENCED = conflict("referenced", "Other records refer to this one. Delete or change them first.");
export const IDEMPOTENCY_MISMATCH = conflict(
  "idempotency_mismatch",
  "This idempotency key was used with another body. Use a new key.",
);
export const DELETED = conflict("deleted", "The record that this request created has been deleted.");
export const NOT_AT_HOME = forbidden("This user's records are not kept in this database.");
/** For what only the database's own rules have found: the definition's have passed. */
export const REFUSED_RECORD = invalid("invalid_input", "The database refuses this record.");

/** The record that this field leads to is there, and none of those that it may lead to. */
export function unfitReference(collection: Collection, field: string): RepositoryError {
  const { references: target, where = {} } = collection.fields[field] ?? {};
  const wanted = Object.entries(where).map(([key, value]) => `${key} is ${value}`);
  return invalid("invalid_reference", "A record that this one refers to is of another kind.", [
    { field, code: "unfit_reference", message: `Choose one of ${target} whose ${wanted.join(" and ")}.` },
  ]);
}

/** The currency stands in the record that `reference` leads to. */
export const tooManyDecimals = (field: string, reference: string): RepositoryError =>
  invalid("invalid_input", "The record does not fit its schema.", [
    { field, code: "decimals", message: `The currency of the record in ${reference} has fewer decimals.` },
  ]);

/** Others refer to this record, and rely on that field. */
export const fixedField = (field: string): RepositoryError => ({
  ...conflict("referenced", `Other records refer to this one, so its ${field} stays as it is.`),
  errors: [{ field, code: "referenced", message: "Delete or change the records that refer to this one first." }],
});

/** The records of these fields are not there. */
export const missingReferences = (collection: Collection, fields: readonly string[]): RepositoryError =>
  invalid(
    "invalid_reference",
    "A record that this one refers to does not exist.",
    referencesFrom(collection)
      .filter(({ field }) => fields.includes(field))
      .map(({ field, target }) => ({
        field,
        code: "invalid_reference",
        message: `There is no record with this id in ${target}.`,
      })),
  );

/** More than one user may keep. `counted` is what there would be. */
export function quotaExceeded(counted: Counted): RepositoryError {
  const { records, bytes, quota_records, quota_bytes } = counted;
  const isByRecords = quota_records !== null && records > quota_records;
  const [would, may] = isByRecords
    ? [`${records} records`, `${quota_records}`]
    : [`${inMegabytes(bytes)} of records`, inMegabytes(quota_bytes ?? 0)];
  return {
    kind: "forbidden",
    code: "quota_exceeded",
    message: `This would make ${would}, and one user may keep ${may}. Delete some, or ask the operator for a larger quota.`,
  };
}
