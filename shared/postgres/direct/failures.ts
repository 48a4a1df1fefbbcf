/** What the driver's errors mean, by class and SQLSTATE and never by message. */
import pg from "pg";
import { busy, type RepositoryError, unavailable } from "../../contract/errors.ts";
import { sqlstateFailure } from "../failures.ts";

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
export class ConnectionLost extends Error {
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

/**
 * The error of the contract for what a call has thrown; `refusal` says what an SQLSTATE means that says nothing of the
 * database itself. Bugs are thrown on: a table or function that is not there, a syntax error.
 */
export function failureOf(error: unknown, refusal: (sqlstate: string) => RepositoryError | undefined): RepositoryError {
  const sqlstate = sqlstateOf(error);
  const known =
    sqlstate === undefined ? connectionFailure(error) : (sqlstateFailure(sqlstate, error) ?? refusal(sqlstate));
  if (known) return known;
  throw error;
}

function connectionFailure(error: unknown): RepositoryError | undefined {
  if (error instanceof NotSent) return { ...unavailable(AWAY, error), isUnheard: true };
  if (error instanceof ConnectionLost) return { ...unavailable(AWAY, error), isUnheard: error instanceof NoAnswer };
  if (!(error instanceof NotConnected)) return undefined;
  if (error.isFull) return { ...busy("The database has too much to do at once. Try again.", error), isUnheard: true };
  const { cause } = error;
  const sqlstate = sqlstateOf(cause);
  const said = sqlstate === undefined ? undefined : sqlstateFailure(sqlstate, error);
  // the driver's and the pool's own time-outs have no code; whoever refuses a connection says so with one
  return said ?? { ...unavailable(AWAY, error), isUnheard: !(cause instanceof Error && "code" in cause) };
}

const AWAY = "Postgres does not answer.";
