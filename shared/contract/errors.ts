/**
 * What can go wrong with a repository call, as data. `kind` is the class that callers branch on, `code` the stable
 * name that clients see; messages are for people and name the fix. Bugs throw, everything else is one of these.
 */
import { type Err, err } from "neverthrow";

type ErrorKind = "not_found" | "conflict" | "invalid" | "unavailable" | "forbidden";

export type ErrorCode =
  | "not_found"
  /** the id or a unique key is taken */
  | "duplicate"
  /** `expectedVersion` is not the record's version */
  | "version_mismatch"
  /** other records refer to this one */
  | "referenced"
  /** the idempotency key was used with another body */
  | "idempotency_mismatch"
  /** the record that this idempotency key made is deleted */
  | "deleted"
  | "invalid_input"
  | "invalid_reference"
  | "invalid_query"
  | "invalid_cursor"
  /** the database does not answer */
  | "unavailable"
  /** the database answers, and cannot be used as it is set up: the message names the fix */
  | "misconfigured"
  /** the database answers, and has too much to do at once: others are at the same record, or everybody at all of them */
  | "busy"
  /** the database takes no writes, because it is full or was made read-only for that; reads go on */
  | "storage_full"
  /** the provider slows this database's callers down */
  | "throttled"
  /** what one user may keep is used up */
  | "quota_exceeded"
  /** the caller's records live in another database than their token says */
  | "moved"
  /** not so much is available in the account */
  | "insufficient_funds"
  /** the account takes no movements any more */
  | "account_closed"
  /** posted, voided or reversed before: once is all */
  | "transfer_settled"
  /** something is left in an account, or held */
  | "balance_open"
  | "forbidden"
  /** the user has no home database yet */
  | "no_home"
  /** no database takes new users */
  | "no_capacity";

/** One thing that is wrong with one field; `field` is a path such as `tags.3`, or empty for the whole body. */
export interface FieldError {
  field: string;
  code: string;
  message: string;
}

export interface RepositoryError {
  kind: ErrorKind;
  code: ErrorCode;
  message: string;
  errors?: FieldError[];
  /** seconds after which another try makes sense, for `unavailable` */
  retryAfterSeconds?: number;
  /**
   * True when nothing was heard from the database within the time, which a call that is slow or waits for its turn
   * explains as well as a database that is away: whoever has to know, asks it
   */
  isUnheard?: boolean;
  cause?: unknown;
}

/** Of what was thrown: an error of the contract on its way to whoever answers, and no bug. */
export const isRepositoryError = (thrown: unknown): thrown is RepositoryError =>
  typeof thrown === "object" &&
  thrown !== null &&
  !(thrown instanceof Error) &&
  ["kind", "code", "message"].every((name) => typeof (thrown as Record<string, unknown>)[name] === "string");

export const notFound = (message = "There is no such record."): RepositoryError => ({
  kind: "not_found",
  code: "not_found",
  message,
});

export const conflict = (
  code:
    | "duplicate"
    | "version_mismatch"
    | "referenced"
    | "idempotency_mismatch"
    | "deleted"
    | "no_home"
    | "insufficient_funds"
    | "account_closed"
    | "transfer_settled"
    | "balance_open",
  message: string,
): RepositoryError => ({ kind: "conflict", code, message });

export const invalid = (
  code: "invalid_input" | "invalid_reference" | "invalid_query" | "invalid_cursor",
  message: string,
  errors?: FieldError[],
): RepositoryError => ({ kind: "invalid", code, message, ...(errors && { errors }) });

export const unavailable = (message: string, cause?: unknown, code: "unavailable" | "no_capacity" = "unavailable") =>
  ({ kind: "unavailable", code, message, retryAfterSeconds: 5, cause }) satisfies RepositoryError as RepositoryError;

/** The time is over, and nothing was heard. */
export const tooLate = (cause?: unknown): RepositoryError => ({
  ...unavailable("The database did not answer in time.", cause),
  isUnheard: true,
});

/** For the operator to mend; it says how. */
export const misconfigured = (message: string, cause?: unknown): RepositoryError => ({
  kind: "unavailable",
  code: "misconfigured",
  message,
  retryAfterSeconds: 30,
  cause,
});

/** To be asked again where the assignment says. */
export const moved = (cause?: unknown): RepositoryError => ({
  kind: "unavailable",
  code: "moved",
  message: "These records have moved to another database. Try again.",
  retryAfterSeconds: 1,
  cause,
});

/** Contention: the same call is likely to succeed a moment later. */
export const busy = (message: string, cause?: unknown): RepositoryError => ({
  kind: "unavailable",
  code: "busy",
  message,
  retryAfterSeconds: 1,
  cause,
});

/** Nothing can be added, however often it is tried: who writes has to wait for the operator, and reads go on. */
export const storageFull = (cause?: unknown, message = STORAGE_FULL): RepositoryError => ({
  kind: "unavailable",
  code: "storage_full",
  message,
  cause,
});
const STORAGE_FULL =
  "The database that holds these records is full and takes no changes at the moment. Reading goes on; the operator has to make room.";

/** Too many calls for what the provider allows: the same call is likely to succeed a little later. */
export const throttled = (cause?: unknown): RepositoryError => ({
  kind: "unavailable",
  code: "throttled",
  message: "The database takes no more calls for a moment: its provider's limit is reached. Try again.",
  retryAfterSeconds: 5,
  cause,
});

export const forbidden = (message: string): RepositoryError => ({ kind: "forbidden", code: "forbidden", message });

/** `err(error)` with the type that every repository call returns. */
export const fail = (error: RepositoryError): Err<never, RepositoryError> => err(error);
