/** What the driver's errors mean, by class and code and never by message. */
import {
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoSystemError,
  MongoWriteConcernError,
} from "mongodb";
import { err, type Result } from "neverthrow";
import { busy, invalid, misconfigured, type RepositoryError, unavailable } from "../contract/errors.ts";
import { UnusableUrl } from "../repository/unusable-url.ts";

/** No host, network time-out, shutting down, no such member, stepped down, no socket, not primary, starting up. */
const DOWN = new Set([6, 7, 89, 91, 133, 134, 189, 9001, 10107, 11600, 11602, 13435, 13436]);

/**
 * The server is there, and others are in the way: a lock that is taken or not given in time, an operation in conflict, a
 * write conflict, a snapshot that is too old or not there yet, a transaction that the server has ended, too many locks,
 * an operation that somebody has ended, and throttling (462 of MongoDB, 16500 of Cosmos DB). An operation that ran out of
 * its own time (50, 262) is one, too: it waited for its turn, or was asked too much of.
 */
const BUSY = new Set([24, 46, 50, 112, 117, 208, 239, 244, 246, 251, 262, 290, 462, 11601, 16500]);

/**
 * For the operator to mend, however often it is tried: authentication failed (Atlas says it with a code of its own),
 * unauthorized, no such command.
 */
const MISCONFIGURED: Readonly<Record<number, string>> = {
  18: "MongoDB refuses the user or password in its URL. Correct the URL that is configured.",
  8000: "MongoDB refuses the user or password in its URL. Correct the URL that is configured.",
  13: "MongoDB does not allow its user what is needed: grant that user readWrite on the database.",
  59: "MongoDB does not know a command that is needed: it has to be a recent MongoDB, or one that answers like it.",
};

/** DocumentDB's gateway, when the engine behind it goes, names the errno, the SQLSTATE's class, or nothing. */
const ENGINE_GONE = /^Engine(|E[A-Z]+|08\w{3}|57\w{3})$/;
/** Its contention has the SQLSTATEs that Postgres's has (shared/postgres/failures.ts). */
const ENGINE_BUSY = /^Engine(40001|40P01|55P03|55006|53300|57014)$/;
const BUSY_LABELS = [MongoErrorLabel.TransientTransactionError, MongoErrorLabel.SystemOverloadedError];

/**
 * Of Node's errors about a socket, which the driver hands on bare when the server has closed the connection and it has
 * not noticed yet (seen: EPIPE, "This socket has been ended by the other party").
 */
const SOCKET_GONE = /^(E(PIPE|CONN[A-Z]+|TIMEDOUT|HOSTUNREACH|NET[A-Z]+)|ERR_(STREAM|SOCKET)_\w+)$/;
/** Of DNS, asked for `mongodb+srv`: no such name, or nobody who knows it. */
const isOfDns = (error: unknown) =>
  error instanceof Error && "syscall" in error && /^query[A-Z]/.test(String(error.syscall));
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
    const [code, codeName = ""] = [Number(error.code), error.codeName];
    if (BUSY.has(code) || ENGINE_BUSY.test(codeName)) return isBusy(error);
    const wrong = MISCONFIGURED[code];
    if (wrong !== undefined) return misconfigured(wrong, error);
    if (DOWN.has(code) || ENGINE_GONE.test(codeName)) return unavailable("MongoDB does not answer.", error);
    if (BUSY_LABELS.some((label) => error.hasErrorLabel(label))) return isBusy(error);
    if (error.code === 121) return invalid("invalid_input", "The database refuses this record.");
    return undefined;
  }
  if (error instanceof UnusableUrl) return misconfigured(error.message, error);
  // all connections are at work, or hang
  if (error instanceof MongoError && error.name === "MongoWaitQueueTimeoutError")
    return { ...isBusy(error), isUnheard: true };
  const isDown =
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoSystemError ||
    error instanceof MongoWriteConcernError ||
    // the pool is closed or cleared, the client is closed, the topology is gone
    (error instanceof MongoError &&
      /^Mongo(PoolClosed|PoolCleared|NotConnected|TopologyClosed|ClientClosed|OperationTimeout|Connection.*|ServerClosed|ExpiredSession)/.test(
        error.name,
      ));
  if (!isDown && !isOfDns(error) && !SOCKET_GONE.test(codeOf(error))) return undefined;
  return { ...unavailable("MongoDB does not answer.", error), isUnheard: isLate(error) };
}

const isBusy = (error: MongoError) => busy("The database has too much to do at once. Try again.", error);

/** No answer within a socket's time, be it that of the driver's own monitor, for which it has cleared the pool. */
const isLate = (error: unknown): boolean =>
  [error, (error as Error | undefined)?.cause].some((each) => each instanceof MongoNetworkTimeoutError);
