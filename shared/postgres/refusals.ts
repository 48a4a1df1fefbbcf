/** What a write's refusal means: an SQLSTATE, and the references whose records are not there. */
import { busy, notFound, type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import {
  DELETED,
  DUPLICATE,
  fixedField,
  IDEMPOTENCY_MISMATCH,
  missingReferences,
  NOT_AT_HOME,
  quotaExceeded,
  REFERENCED,
  REFUSED_RECORD,
  tooManyDecimals,
  unfitReference,
  VERSION_MISMATCH,
} from "../repository/refusals.ts";
import { sqlstateFailure } from "./failures.ts";
import { decimalsConstraint, fixedConstraint, whereConstraint } from "./schema/reference-rules-sql.ts";

export interface Refusal {
  /** an SQLSTATE: Postgres' own, or one of `record_functions.sql` (SY...) */
  error: string;
  /** fields, where a reference is violated */
  missing?: readonly string[] | null;
  /** the constraint that was violated: `<table>_<field>_check` and the like */
  constraint?: string | undefined;
  /** what our own triggers say beside the code */
  detail?: string | undefined;
}

export function refusalOf(collection: Collection, refusal: Refusal, deleting = false): RepositoryError {
  const { error, missing, detail = "{}" } = refusal;
  switch (error) {
    case "P0002":
      return notFound();
    case "SY412":
      return VERSION_MISMATCH;
    case "SY409":
      return IDEMPOTENCY_MISMATCH;
    case "SY410":
      return DELETED;
    case "SY507":
      return quotaExceeded(JSON.parse(detail));
    case "23505":
      return DUPLICATE;
    case "23503":
      if (deleting) return REFERENCED;
      // gone when it was looked for, and there again when that was looked into, time after time
      if (missing?.length === 0) return busy("A record that this one refers to is being changed. Try again.");
      return missingReferences(collection, missing ?? []);
    case "42501":
      return NOT_AT_HOME;
  }
  const known = ofConstraint(collection, refusal);
  if (known) return known;
  if (/^(2[23]|54)...$/.test(error)) return REFUSED_RECORD;
  return sqlstateFailure(error, error) ?? unavailable("The database could not do this.", error);
}

/** Of what only a trigger knows; rules across a record's own fields are looked into above the stores. */
function ofConstraint(collection: Collection, { constraint }: Refusal): RepositoryError | undefined {
  if (constraint === undefined) return undefined;
  const { name, fields, money, fixedWhileReferenced } = collection;
  const unfit = Object.keys(fields).find((field) => whereConstraint(name, field) === constraint);
  if (unfit !== undefined) return unfitReference(collection, unfit);
  const fixed = fixedWhileReferenced.find((field) => fixedConstraint(name, field) === constraint);
  if (fixed !== undefined) return fixedField(fixed);
  if (money && "reference" in money.currency && decimalsConstraint(name, money.field) === constraint)
    return tooManyDecimals(money.field, money.currency.reference);
  return undefined;
}
