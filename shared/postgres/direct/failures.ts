/** What the driver's errors mean, by class and SQLSTATE and never by message. */
import pg from "pg";
import { busy, invalid, misconfigured, type RepositoryError, unavailable } from "../../contract/errors.ts";
import type { Collection } from "../../definition/define.ts";
import { UnusableUrl } from "../../repository/unusable-url.ts";
import { LACKS, sqlstateFailure } from "../failures.ts";
import { type Refusal, refusalOf } from "../refusals.ts";

/** No connection could be had. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
  /** all connections are at work for others */
  readonly isFull: boolean;
  constructor(cause: unknown, isFull: boolean) {
    super("no connection to Postgres", { cause });
    this.isFull = isFull;
  }
}

/** The connection has gone while a statement was under way: nobody knows what has become of that. */
class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  constructor(cause?: unknown) {
    super("the connection to Postgres is lost", { cause });
  }
}

/** The same, given up here because nothing was heard for too long. */
export class NoAnswer extends ConnectionLost {}

/** Who was waiting for a connection has been given up meanwhile: nothing was sent. */
export class NotSent extends Error {
  override readonly name = "NotSent";
  constructor(cause: unknown) {
    super("given up before it was sent", { cause });
  }
}

/** The SQLSTATE of what Postgres itself has said. */
export const sqlstateOf = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined;

/** What the server says stays as it is; whatever else ends a statement has ended its connection. */
export const lossOr = (error: unknown): unknown =>
  sqlstateOf(error) === undefined && !(error instanceof ConnectionLost) ? new ConnectionLost(error) : error;

/**
 * Connection exceptions, wrong credentials, no such database, out of resources, operator's intervention, configuration and
 * internal errors: after one of these the server closes the connection, or should not be trusted with it.
 */
const ENDS_CONNECTION = /^(08|28|3D|53|57P|58|F0|XX)/;

/** Whether the connection on which a statement ended so can be used again. */
export const keepsConnection = (error: unknown): boolean => {
  const code = sqlstateOf(error);
  return code !== undefined && !ENDS_CONNECTION.test(code);
};

/** What an SQLSTATE means that says nothing of the database's state, with what Postgres says beside it. */
type Refusals = (refused: Omit<Refusal, "missing">) => RepositoryError | undefined;

/** The error of the contract for what a call has thrown. Bugs are thrown on. */
export function failureOf(error: unknown, refusal: Refusals): RepositoryError {
  const sqlstate = sqlstateOf(error);
  const known =
    sqlstate === undefined ? lossOf(error) : (sqlstateFailure(sqlstate, error, WHO) ?? refusal(refusedOf(error)));
  if (known) return known;
  if (sqlstate === NOT_ALLOWED) return misconfigured(OTHER_ROLE, error);
  if (sqlstate !== undefined && LACKS.test(sqlstate)) return misconfigured(PREPARE_FIRST, error);
  throw error;
}

/** Details of Postgres' own show values: only those of our own refusals are read. */
function refusedOf(error: unknown): Omit<Refusal, "missing"> {
  const { code = "", constraint, detail } = error as pg.DatabaseError;
  return { error: code, constraint, detail: code.startsWith("SY") ? detail : undefined };
}

const PREPARE_FIRST =
  "This Postgres lacks what this version uses. For Supabase's own, run: supabase db push; for another: switchyard db prepare";
/** The schema is there, and the role that connects is not its owner: functions of the system are sealed to service_role. */
const NOT_ALLOWED = "42501";
const OTHER_ROLE =
  "The role in the URL of this Postgres may not use its schema, or not act as authenticated. Take the role that owns the " +
  "schema (that has applied its migrations), or, as that one: grant authenticated, service_role to <role>";

/** Of a read: such as a number that is out of range, or a query of too many parts. */
export const readRefusal: Refusals = ({ error }) =>
  /^(22|54)/.test(error) ? invalid("invalid_query", "The database cannot understand this query.") : undefined;

const OF_A_WRITE = /^(22...|23...|54...|SY...|42501)$/;

export const writeRefusal =
  (collection: Collection, isDelete = false): Refusals =>
  (refused) =>
    OF_A_WRITE.test(refused.error) ? refusalOf(collection, refused, isDelete) : undefined;

function lossOf(error: unknown): RepositoryError | undefined {
  if (error instanceof ConnectionLost) return { ...unavailable(AWAY, error), isUnheard: error instanceof NoAnswer };
  if (error instanceof NotSent) return { ...unavailable(AWAY, error), isUnheard: true };
  if (!(error instanceof NotConnected)) return undefined;
  if (error.isFull) return { ...busy("The database has too much to do at once. Try again.", error), isUnheard: true };
  const { cause } = error;
  if (cause instanceof UnusableUrl) return misconfigured(cause.message, error);
  const refused = REFUSED.find(([pattern]) => pattern.test(sqlstateOf(cause) ?? ""));
  if (refused) return misconfigured(refused[1], error);
  if (isUnknownToPooler(cause)) return misconfigured(UNKNOWN_TO_POOLER, error);
  const said = sqlstateFailure(sqlstateOf(cause) ?? "", error, WHO);
  // the driver's and the pool's own time-outs have no code; what refuses a connection has one
  return said ?? { ...unavailable(AWAY, error), isUnheard: !(cause instanceof Error && "code" in cause) };
}

/** Who connects is refused: for the operator to mend, however often it is tried. */
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/^28/, "Postgres refuses the user or password in its URL. Correct the URL that is configured."],
  [/^3D000$/, "Postgres has no database of the name in its URL. Correct the URL that is configured."],
];

/** Supabase's pooler has XX000 for whatever it refuses (Supavisor, errors): the text tells this from a fault that passes. */
const isUnknownToPooler = (cause: unknown) =>
  sqlstateOf(cause) === "XX000" && /tenant or user not found/i.test((cause as Error).message);
const UNKNOWN_TO_POOLER =
  "The pooler does not know the project in the URL of this Postgres: its user is postgres.<project>, and its host that of the project's region. Correct the URL, or restore the project if it is paused.";

const WHO = "Postgres";
const AWAY = `${WHO} does not answer.`;
