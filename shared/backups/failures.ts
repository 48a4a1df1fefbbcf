/** What befell a backup, as somebody can mend it: drivers and disks say it in words of their own. */
import { MongoServerSelectionError } from "mongodb";
import { titleOf, variableOf } from "../placement/database-names.ts";

/** Its message is whole sentences: what happened, and what to do. */
export class BackupFailed extends Error {
  override readonly name = "BackupFailed";
}

/** What comes of what was done until then. */
const NOTHING_COUNTS = "Nothing of this backup counts; run it again.";
export const RESTORE_GOES_ON = "What was written stays, and the same command goes on with it.";

/** Runs this, which speaks to that database, and throws what it throws as a `BackupFailed`, where it is known. */
export async function naming<T>(database: string, work: () => Promise<T>, then = NOTHING_COUNTS): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ofDatabase(database, error, then);
  }
}

/** The same, of what is read one by one. */
export async function* namingEach<T>(database: string, lines: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* lines;
  } catch (error) {
    throw ofDatabase(database, error, NOTHING_COUNTS);
  }
}

/** The same, of the place where backups lie. */
export async function namingPlace<T>(
  place: string,
  work: () => Promise<T>,
  doing: "written" | "read" = "written",
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ofPlace(place, error, doing);
  }
}

const codesOf = (error: unknown): string[] => {
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] };
  const inner = [cause, ...(Array.isArray(errors) ? errors : [])].filter(
    (one) => one !== null && typeof one === "object",
  );
  return [...(code === undefined ? [] : [String(code)]), ...inner.flatMap(codesOf)];
};

const UNREACHABLE = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "57P03"];
/** invalid_password, invalid_authorization_specification; AuthenticationFailed, AtlasError */
const WRONG_PASSWORD = ["28P01", "28000", "18", "8000"];
/** insufficient_privilege; Unauthorized */
const FORBIDDEN = ["42501", "13"];
/** admin_shutdown, crash_shutdown, connection_failure; and what sockets say */
const LOST = ["57P01", "57P02", "08006", "08003", "ECONNRESET", "EPIPE", "ECONNABORTED"];
/** SnapshotTooOld, and a read of a cursor that the server has forgotten with it */
const TOO_OLD = ["239"];

function ofDatabase(name: string, error: unknown, then: string): unknown {
  if (error instanceof BackupFailed) return error;
  const codes = codesOf(error);
  const is = (known: readonly string[]) => codes.some((code) => known.includes(code));
  const [title, variable] = [titleOf(name), name === "supabase" ? "DATABASE_URL" : variableOf(name)];
  const say = (sentence: string) => new BackupFailed(`${sentence} ${then}`, { cause: error });
  if (is(WRONG_PASSWORD)) return say(`${title} refuses the user or the password in ${variable}: correct them.`);
  if (is(FORBIDDEN))
    return say(
      `${title} does not let the user in ${variable} do everything that it takes (${messageOf(error)}): use the owner of the database.`,
    );
  if (is(TOO_OLD))
    return say(
      `${title} has forgotten the snapshot that was being read, because it was read for longer than the server keeps one: raise minSnapshotHistoryWindowInSeconds there (300 unless set), or back up when less is written.`,
    );
  if (error instanceof MongoServerSelectionError || is(UNREACHABLE))
    return say(
      `${title} cannot be reached by ${variable} (${messageOf(error)}): see that it runs, and that it takes connections from here.`,
    );
  if (is(LOST) || isLostByName(error))
    return say(`The connection to ${title} was lost on the way (${messageOf(error)}).`);
  return error;
}

/** Errors without a code: MongoNetworkError of the driver, and pg's "Connection terminated unexpectedly". */
const isLostByName = (error: unknown): boolean =>
  error instanceof Error &&
  (/^Mongo(Network|NetworkTimeout|PoolCleared)/.test(error.name) ||
    /^(Connection terminated|Client has encountered)/.test(error.message));

const PLACES: Readonly<Record<string, string>> = {
  ENOSPC: "is full: make room, as by `switchyard backup prune`",
  EDQUOT: "is full, as far as this user may fill it: make room, as by `switchyard backup prune`",
  EACCES: "may not be DONE by this user: change its rights, or say --to=<another folder>",
  EPERM: "may not be DONE by this user: change its rights, or say --to=<another folder>",
  EROFS: "is on a disk that is read only: say --to=<another folder>",
  ENOTDIR: "is no folder: say --to=<a folder>",
  // what Node says of a folder inside a folder on a disk that is read only, too
  ENOENT: "takes no new folder: see that it is there, and on a disk that may be written, or say --to=<another folder>",
  ENAMETOOLONG: "has too long a name: say --to=<another folder>",
  EIO: "is on a disk that fails",
};

/** Whether it was the want of room. */
export const isFull = (error: unknown): boolean =>
  codesOf(error).some((code) => code === "ENOSPC" || code === "EDQUOT");

function ofPlace(place: string, error: unknown, doing: string): unknown {
  if (error instanceof BackupFailed) return error;
  const [known] = codesOf(error).filter((code) => code in PLACES);
  if (known === undefined) return error;
  return new BackupFailed(`${place} ${PLACES[known]?.replace("DONE", doing)}.`, { cause: error });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
