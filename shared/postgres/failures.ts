/**
 * What a refusal of Postgres' or Supabase's means, for a user's calls and for the system's: `states.ts` as errors of the
 * contract. Codes decide, and not texts, with two exceptions that have no other mark.
 */
import {
  busy,
  forbidden,
  misconfigured,
  moved,
  type RepositoryError,
  storageFull,
  throttled,
  unavailable,
} from "../contract/errors.ts";
import { HTTP_STATES, MIGRATE_FIRST, type State, stateOf } from "./states.ts";

/** As much as is read of a refused call. */
export interface RefusedCall {
  /** 0 when there was no answer */
  status: number;
  error: { code?: string | undefined; message: string } | null;
}

/** Of switchyard.is_home(): the caller's home is another one by now; it is being moved, and writes wait. */
const MOVED = "PT421";
const MOVING = "PT503";
/** Of switchyard.refuse_revoked(): the token is good for nothing any more. */
const ENDED = "PT401";

/** The whole call is rolled back, and the same call is likely to succeed when it is made again. */
export const isRolledBack = (code: string | undefined): boolean => code === "40001" || code === "40P01";

/**
 * Refused before anything was done, for something that passes: a schema that PostgREST has not read yet (PGRST002, 202, 204,
 * 205: after each migration), a plan from before one (0A000: "cached plan must not change result type"), and a token from
 * a clock that is a little ahead (PGRST303: claims). Once more after a moment is right for all of them, for writes, too.
 */
export const isPassing = (code: string | undefined): boolean => /^(PGRST(002|20[245]|303)|0A000)$/.test(code ?? "");

/** PGRST303 is said of a token that has expired and of one that is too young alike. */
export const isTooYoung = ({ code, message }: { code?: string | undefined; message: string }): boolean =>
  code === "PGRST303" && /issued at future|not yet valid/i.test(message);

function errorOf({ is, says, isUnheard = false }: State, cause: unknown, who: string): RepositoryError {
  const unheard = isUnheard ? { isUnheard } : {};
  switch (is) {
    case "storage_full":
      return storageFull(cause);
    case "throttled":
      return throttled(cause);
    case "busy":
      return { ...busy("The database has too much to do at once. Try again.", cause), ...unheard };
    case "misconfigured":
      return misconfigured(says ?? `${who} cannot be used as it is set up.`, cause);
    case "unavailable":
      return { ...unavailable(`${who} does not answer.`, cause), ...unheard };
  }
}

/** What an SQLSTATE says of the database; undefined when it says something of the request. `who` has said it. */
export function sqlstateFailure(code: string, cause: unknown, who = "Supabase"): RepositoryError | undefined {
  if (code === ENDED) return forbidden("This session has ended, or its account is banned or deleted. Sign in again.");
  if (code === MOVED) return moved(cause);
  if (code === MOVING) return busy("These records are being moved to another database. Try again in a moment.", cause);
  const state = stateOf(code);
  return state && errorOf(state, cause, who);
}

/** An SQLSTATE or PostgREST's own: it says more than the status that it is sent with. */
const OF_REST = /^((?=.*\d)[0-9A-Z]{5}|PGRST.*)$/;
/** No such schema, table, column or function. */
export const LACKS = /^(3F000|42P01|42703|42883)$/;

/** What a refusal says of the database; undefined when it says something of the request. */
export function databaseFailure({ error, status }: RefusedCall): RepositoryError | undefined {
  const code = String(error?.code ?? "");
  const known = sqlstateFailure(code, error);
  if (known) return known;
  if (LACKS.test(code)) return misconfigured(MIGRATE_FIRST, error);
  const state = OF_REST.test(code) ? undefined : stateOf(String(status), HTTP_STATES);
  if (state) return errorOf(state, error, "Supabase");
  if (status !== 0) return undefined;
  // postgrest-js hides the error that fetch threw, and begins its text with that error's name
  const isLate = /^(Timeout|Abort)Error:/.test(error?.message ?? "");
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
