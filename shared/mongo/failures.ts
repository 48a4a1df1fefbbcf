/** What the driver's errors mean, by class and code and never by message. */
import {
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoSystemError,
  MongoWriteConcernError,
} from "mongodb";
import { err, type Result } from "neverthrow";
import { invalid, type RepositoryError, unavailable } from "../contract/errors.ts";

/**
 * Shutting down, not primary, interrupted, out of time, starting up, stepped down, no such member, over capacity, a commit
 * of which nobody knows whether it happened.
 */
const TRANSIENT = new Set([6, 7, 50, 89, 91, 112, 133, 134, 189, 251, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

/** DocumentDB's gateway, when the engine behind it goes, names the errno, the SQLSTATE's class, or nothing. */
const ENGINE_GONE = /^Engine(|E[A-Z]+|08\w{3}|57\w{3})$/;

/**
 * Of Node's errors about a socket, which the driver hands on bare when the server has closed the connection and it has
 * not noticed yet (seen: EPIPE, "This socket has been ended by the other party").
 */
const SOCKET_GONE = /^(E(PIPE|CONN[A-Z]+|TIMEDOUT|HOSTUNREACH|NET[A-Z]+)|ERR_(STREAM|SOCKET)_\w+)$/;
const codeOf = (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : "");

/** DocumentDB's findAndModify gives the SQLSTATE of the violated unique index instead of 11000. */
export const isDuplicate = (error: unknown): error is MongoServerError =>
  error instanceof MongoServerError && (error.code === 11000 || error.codeName === "Engine23P01");

/** The answer, or an error of the contract where the database is to blame; bugs are thrown on. */
export async function attempt<T>(call: () => Promise<Result<T, RepositoryError>>): Promise<Result<T, RepositoryError>> {
  try {
    return await call();
  } catch (error) {
    const known = failureOf(error);
    if (known) return err(known);
    throw error;
  }
}

function failureOf(error: unknown): RepositoryError | undefined {
  if (error instanceof MongoServerError && !(error instanceof MongoWriteConcernError)) {
    if (TRANSIENT.has(Number(error.code)) || ENGINE_GONE.test(error.codeName ?? ""))
      return unavailable("MongoDB does not answer.", error);
    if (error.code === 121) return invalid("invalid_input", "The database refuses this record.");
    return undefined;
  }
  const isDown =
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoSystemError ||
    error instanceof MongoWriteConcernError ||
    // the pool is closed, cleared or has no connection in time, the client is closed, the topology is gone
    (error instanceof MongoError &&
      /^Mongo(PoolClosed|PoolCleared|WaitQueueTimeout|NotConnected|TopologyClosed|ClientClosed|OperationTimeout|Connection.*|ServerClosed|ExpiredSession)/.test(
        error.name,
      ));
  return isDown || SOCKET_GONE.test(codeOf(error)) ? unavailable("MongoDB does not answer.", error) : undefined;
}
