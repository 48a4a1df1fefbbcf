/** What the driver's errors mean, by class and code; by message only where a provider has one code for everything (states.ts). */
import {
  MongoBulkWriteError,
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
import {
  busy,
  invalid,
  isRepositoryError,
  misconfigured,
  type RepositoryError,
  storageFull,
  throttled,
  unavailable,
} from "../contract/errors.ts";
import { UnusableUrl } from "../repository/unusable-url.ts";
import { ENGINE_STATES, type StateName, stateOf } from "./states.ts";

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
    const known = failureOf(ofBulk(error));
    if (known) return err(known);
    throw error;
  }
}

/** What a bulk write met on the way to the server, which the driver hands on as if the server had said it. */
function ofBulk(error: unknown): unknown {
  const met: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : undefined;
  return met instanceof Error ? met : error;
}

function failureOf(error: unknown): RepositoryError | undefined {
  // found out on the way: another database's answer, or that this one is not what it should be
  if (isRepositoryError(error)) return error;
  if (error instanceof MongoServerError && !(error instanceof MongoWriteConcernError)) {
    const engine = ENGINE_STATES.find(([name]) => name.test(error.codeName ?? ""))?.[1];
    const known = stateOf(Number(error.code), error.message) ?? (engine && { is: engine });
    if (known) return errorOf(known, error);
    if (BUSY_LABELS.some((label) => error.hasErrorLabel(label))) return isBusy(error);
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

function errorOf({ is, says }: { is: StateName; says?: string | undefined }, cause: unknown): RepositoryError {
  switch (is) {
    case "storage_full":
      return storageFull(cause);
    case "throttled":
      return throttled(cause);
    case "busy":
      return isBusy(cause);
    case "misconfigured":
      return misconfigured(says ?? "MongoDB cannot be used as it is set up.", cause);
    case "unavailable":
      return unavailable("MongoDB does not answer.", cause);
    case "invalid":
      return invalid("invalid_input", "The database refuses this record.");
  }
}

const isBusy = (error: unknown) => busy("The database has too much to do at once. Try again.", error);

/** No answer within a socket's time, be it that of the driver's own monitor, for which it has cleared the pool. */
const isLate = (error: unknown): boolean =>
  [error, (error as Error | undefined)?.cause].some((each) => each instanceof MongoNetworkTimeoutError);
