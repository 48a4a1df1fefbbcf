/**
 * Makes databases fit the definitions, and lets each take users the first time that this succeeds. Supabase's own is left
 * to its migrations: `supabase db push`.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Assignments, DatabaseRow } from "../placement/assignment.ts";
import { CONTROL_PLANE, variableOf } from "../placement/database-names.ts";
import { downReason } from "../placement/down-reason.ts";
import type { Database } from "../repository/database.ts";
import { UnusableUrl } from "../repository/unusable-url.ts";

/** As much of a database as is needed to prepare it. */
export type Preparable = Pick<Database, "name" | "title" | "kind"> & {
  system: Pick<Database["system"], "prepare"> & Partial<Pick<Database["system"], "limit">>;
};

export interface PrepareOutcome {
  readonly name: string;
  readonly state: /** prepared, and new users may get it from now on */
    | "opened"
    /** prepared, and new users may get it, as before */
    | "open"
    /** prepared; an operator has taken it out of the choice */
    | "closed"
    /** the control plane: its migrations prepare it */
    | "migrated"
    /** listed, and never used nor configured */
    | "unused"
    | "failed";
  /** why, and what to do, where it failed or is unused */
  readonly reason?: string;
  /** it does not answer, or refuses who asks: the same may succeed later */
  readonly isAway?: boolean;
  /** what was thrown */
  readonly failure?: unknown;
}

/**
 * Prepares all that are listed or configured, or the one that is named; one that fails does not keep others from it. In the
 * order of their names.
 */
export async function prepareDatabases(
  control: Assignments,
  databases: readonly Preparable[],
  only?: string,
): Promise<Result<PrepareOutcome[], RepositoryError>> {
  const listed = await control.databases();
  if (listed.isErr()) return err(listed.error);
  const rows = new Map(listed.value.map((row) => [row.name, row]));
  const configured = new Map(databases.map((database) => [database.name, database]));
  const names = only === undefined ? [...new Set([...rows.keys(), ...configured.keys()])].sort() : [only];
  const one = async (name: string): Promise<PrepareOutcome> => {
    const row = rows.get(name);
    const database = configured.get(name);
    if (!row) {
      const where = database ? `${variableOf(name)} is set, and the` : "The";
      return failed(name, `${where} database "${name}" is not listed: switchyard databases add ${name}`);
    }
    if (name === CONTROL_PLANE) return limited(database);
    if (!database) {
      const reason = `${name} is not configured here: set ${variableOf(name)}.`;
      return row.opened_at === null && only === undefined ? { name, state: "unused", reason } : failed(name, reason);
    }
    if (database.kind !== row.kind)
      return failed(name, `${variableOf(name)} is a URL of ${database.kind}, and ${name} is listed as ${row.kind}.`);
    return prepareOne(control, row, database);
  };
  return ok(await Promise.all(names.map(one)));
}

async function prepareOne(control: Assignments, row: DatabaseRow, database: Preparable): Promise<PrepareOutcome> {
  const { name, site } = row;
  try {
    await database.system.prepare({ name, site });
    await database.system.limit?.();
  } catch (failure) {
    return { name, state: "failed", failure, ...inWords(database.title, failure) };
  }
  const opened = await control.open(name);
  if (opened.isErr()) return { ...failed(name, `Prepared, but not opened: ${opened.error.message}`), isAway: true };
  // asked again: it may have been taken out of the choice meanwhile
  if (opened.value) return { name, state: "opened" };
  const rows = await control.databases();
  const accepting = rows.isOk() ? rows.value.find((each) => each.name === name)?.accepting : row.accepting;
  return { name, state: accepting ? "open" : "closed" };
}

/** The control plane's schema comes with its migrations; the quota of its users comes from the configuration, as everywhere. */
async function limited(database: Preparable | undefined): Promise<PrepareOutcome> {
  try {
    await database?.system.limit?.();
    return { name: CONTROL_PLANE, state: "migrated" };
  } catch (failure) {
    return { name: CONTROL_PLANE, state: "failed", failure, ...inWords("Supabase", failure) };
  }
}

const failed = (name: string, reason: string): PrepareOutcome => ({ name, state: "failed", reason });

/** Errors that say something of the way to a database, and nothing of what was to be done there. */
const OF_THE_WAY = /^(NotConnected|NotSent|ConnectionLost|UnusableUrl)$/;
/** No wait mends that. */
const isOfUrl = (failure: unknown) =>
  [failure, failure instanceof Error && failure.cause].some((each) => each instanceof UnusableUrl);

/**
 * A driver's error becomes words, where its code is known to say that the database is away; what else is thrown names
 * itself what stands in the way, and the fix.
 */
function inWords(title: string, failure: unknown): { reason: string; isAway: boolean } {
  if (!(failure instanceof Error) || OF_THE_WAY.test(failure.name))
    return { reason: downReason(title, failure), isAway: !isOfUrl(failure) };
  const isOfDriver = failure.name.startsWith("Mongo") || "code" in failure;
  const reason = isOfDriver ? downReason(title, failure) : undefined;
  if (reason === undefined || reason === downReason(title, null)) return { reason: failure.message, isAway: false };
  // what is refused, Postgres says itself: a schema, a role
  const isSqlstate = "code" in failure && /^(?=.*\d)[0-9A-Z]{5}$/.test(String(failure.code));
  return { reason: isSqlstate ? `${reason} It says: ${failure.message}.` : reason, isAway: true };
}
