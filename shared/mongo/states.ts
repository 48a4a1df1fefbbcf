/**
 * What MongoDB, Atlas and DocumentDB say of their own state, each with the place where it is documented. A code that is not
 * here says something of the request. The first row that fits decides; the words of the states stand in `failures.ts`.
 */
export type StateName = "storage_full" | "throttled" | "busy" | "unavailable" | "misconfigured" | "invalid";

export interface State {
  readonly codes: readonly number[];
  /** what the message has to say, where a code stands for many things */
  readonly message?: RegExp;
  readonly is: StateName;
  /** in words, where those of the state do not name the fix */
  readonly says?: string;
  readonly source: string;
}

const CODES = "MongoDB, error codes";
const ATLAS = "Atlas, FAQ: storage; Atlas, free cluster limits";
const CREDENTIALS = "MongoDB refuses the user or password in its URL. Correct the URL that is configured.";
const READ_WRITE = "MongoDB does not allow its user what is needed: grant that user readWrite on the database.";

const STATES: readonly State[] = [
  { codes: [14031], is: "storage_full", source: `${CODES}: OutOfDiskSpace` },
  // Atlas has one code for whatever its free clusters refuse, and only the text tells what it is
  { codes: [8000], message: /over your space quota/i, is: "storage_full", source: ATLAS },
  {
    codes: [8000],
    message: /not (allowed|authorized)/i,
    is: "misconfigured",
    says: READ_WRITE,
    source: "Atlas, database users; unsupported commands",
  },
  {
    codes: [8000],
    message: /auth/i,
    is: "misconfigured",
    says: CREDENTIALS,
    source: "Atlas, troubleshoot connections",
  },
  {
    codes: [8000],
    is: "misconfigured",
    says: "MongoDB Atlas refuses this; what it says stands in the log. See the cluster's page in Atlas.",
    source: ATLAS,
  },
  { codes: [462], is: "throttled", source: `${CODES}: IngressRequestRateLimitExceeded` },
  { codes: [16500], is: "throttled", source: "Azure Cosmos DB for MongoDB: request rate too large" },
  // a lock that is taken or not given in time, an operation in conflict, a write conflict, too many locks
  {
    codes: [24, 46, 112, 117, 208],
    is: "busy",
    source: `${CODES}: LockTimeout, LockBusy, WriteConflict, ConflictingOperationInProgress, TooManyLocks`,
  },
  {
    codes: [239, 244, 246, 251, 290],
    is: "busy",
    source: `${CODES}: SnapshotTooOld, TransactionAborted, SnapshotUnavailable, NoSuchTransaction, TransactionExceededLifetimeLimitSeconds`,
  },
  // it waited for its turn, was asked too much of, or somebody has ended it
  { codes: [50, 262, 11601], is: "busy", source: `${CODES}: MaxTimeMSExpired, ExceededTimeLimit, Interrupted` },
  { codes: [146, 292], is: "busy", source: `${CODES}: ExceededMemoryLimit, QueryExceededMemoryLimitNoDiskUseAllowed` },
  // of the cluster's clock, while a server starts
  { codes: [211], is: "busy", source: `${CODES}: KeyNotFound` },
  { codes: [18], is: "misconfigured", says: CREDENTIALS, source: `${CODES}: AuthenticationFailed` },
  { codes: [13], is: "misconfigured", says: READ_WRITE, source: `${CODES}: Unauthorized` },
  {
    codes: [59, 115],
    is: "misconfigured",
    says: "MongoDB does not know a command that is needed: it has to be a recent MongoDB, or one that answers like it.",
    source: `${CODES}: CommandNotFound, CommandNotSupported`,
  },
  {
    codes: [13297],
    is: "misconfigured",
    says: "There is a database of this name with other capitals on this MongoDB. Correct the name in its URL, or MONGODB_DATABASE.",
    source: `${CODES}: DatabaseDifferCase`,
  },
  {
    codes: [20],
    message: /transaction numbers/i,
    is: "misconfigured",
    says: "This MongoDB server is a standalone, which does no transactions. Make it a replica set of one: start it with `mongod --replSet rs0`, and run `rs.initiate()` in mongosh once.",
    source: `${CODES}: IllegalOperation, of a transaction's number`,
  },
  {
    codes: [6, 7, 89, 9001],
    is: "unavailable",
    source: `${CODES}: HostUnreachable, HostNotFound, NetworkTimeout, SocketException`,
  },
  {
    codes: [91, 133, 134, 189, 10107, 11600, 11602, 13435, 13436],
    is: "unavailable",
    source: `${CODES}: shutting down, starting, stepped down, no primary`,
  },
  {
    codes: [121, 10334, 17419, 17420],
    is: "invalid",
    source: `${CODES}: DocumentValidationFailure, BSONObjectTooLarge`,
  },
];

/**
 * DocumentDB's gateway gives SQLSTATEs of the Postgres behind it in its errors' names, and when that goes an errno, the
 * class, or nothing (seen). They mean what they mean there (shared/postgres/states.ts).
 */
export const ENGINE_STATES: readonly (readonly [RegExp, StateName])[] = [
  [/^Engine(25006|53100)$/, "storage_full"],
  [/^Engine(40001|40P01|53[23]00|55P03|55006|57014)$/, "busy"],
  [/^Engine(|E[A-Z]+|08\w{3}|57\w{3})$/, "unavailable"],
];

export const stateOf = (code: number, message: string): State | undefined =>
  STATES.find((state) => state.codes.includes(code) && (state.message?.test(message) ?? true));
