/**
 * What the codes of Supabase's answers mean: SQLSTATEs, PostgREST's own (PGRST0xx: no connection, PGRST3xx: the token) and
 * HTTP's. The one place that says it, for a user's calls and for the system's.
 */
import { busy, forbidden, moved, type RepositoryError, unavailable } from "../contract/errors.ts";

/** As much as is read of a refused call. */
export interface RefusedCall {
  /** 0 when there was no answer */
  status: number;
  error: { code?: string | undefined; message: string } | null;
}

/**
 * Postgres is there, and others are in the way: serialisation failure, deadlock, lock not available, object in use, too
 * many connections. A statement that ran out of time (57014) is one, too: it waited for a lock, or was asked too much of.
 */
const BUSY = /^(40001|40P01|55P03|55006|53300|57014)$/;

/** Connection lost, transaction rolled back, out of resources, not in a state for it, shutting down, system and internal errors. */
const DOWN = /^(08|40|53|55|57|58|XX)...$|^PGRST00/;

/** Of switchyard.is_home(): the caller's home is another one by now; it is being moved, and writes wait. */
const MOVED = "PT421";
const MOVING = "PT503";
/** Of switchyard.refuse_revoked(): the token is good for nothing any more. */
const ENDED = "PT401";

/** The pool of PostgREST has no connection in time: all of them are at work, or hang. */
const POOL_IS_FULL = "PGRST003";

/** The function is not there: in PostgREST's cache of the schema, or in Postgres. */
export const isMissingFunction = (error: { code?: string | undefined }): boolean =>
  error.code === "PGRST202" || error.code === "42883";
export const MIGRATE_FIRST =
  "Supabase lacks a function that this version calls: its migrations have not been applied. Run: supabase db push";

/** The whole call is rolled back, and the same call is likely to succeed when it is made again. */
export const isRolledBack = (code: string | undefined): boolean => code === "40001" || code === "40P01";

/** What an SQLSTATE says of the database; undefined when it says something of the request. `who` has said it. */
export function sqlstateFailure(code: string, cause: unknown, who = "Supabase"): RepositoryError | undefined {
  if (code === ENDED) return forbidden("This session has ended, or its account is banned or deleted. Sign in again.");
  if (code === MOVED) return moved(cause);
  if (code === MOVING) return busy("These records are being moved to another database. Try again in a moment.", cause);
  if (BUSY.test(code)) return busy("The database has too much to do at once. Try again.", cause);
  return DOWN.test(code) ? unavailable(`${who} does not answer.`, cause) : undefined;
}

/** What a refusal says of the database; undefined when it says something of the request. */
export function databaseFailure({ error, status }: RefusedCall): RepositoryError | undefined {
  const code = String(error?.code ?? "");
  if (code === POOL_IS_FULL || status === 429)
    return { ...busy("The database has too much to do at once. Try again.", error), isUnheard: status !== 429 };
  const known = sqlstateFailure(code, error);
  if (known) return known;
  if (status !== 0 && status !== 408) return undefined;
  // postgrest-js hides the error that fetch threw, and begins its text with that error's name
  const isLate = status === 408 || /^(Timeout|Abort)Error:/.test(error?.message ?? "");
  return { ...unavailable("Supabase does not answer.", error), isUnheard: isLate };
}

/** What it means that the client itself threw. */
export const thrownFailure = (cause: unknown): RepositoryError => ({
  ...unavailable("Supabase does not answer.", cause),
  isUnheard: cause instanceof Error && /^(Timeout|Abort)Error$/.test(cause.name),
});

/** What a refusal of Auth says: it hides what its database has answered, so that is to be asked. */
export const authFailure = (error: { status?: number | undefined }): RepositoryError =>
  error.status === 429
    ? busy("Too many accounts are being changed at once. Try again.", error)
    : { ...unavailable("Supabase does not answer.", error), isUnheard: true };
