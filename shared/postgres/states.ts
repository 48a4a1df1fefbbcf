/**
 * What Postgres, PostgREST and the gateway before them say of their own state, each with the place where it is documented.
 * One table for every path: a code that is not here says something of the request. The first row that fits decides.
 *
 * storage_full   takes no writes, and reads go on
 * throttled      slows its callers down
 * busy           is there, and has too much to do at once, or others are in the way
 * unavailable    does not answer, or is not in a state to
 * misconfigured  for the operator to mend, however often it is tried; the words name the fix
 */
type StateName = "storage_full" | "throttled" | "busy" | "unavailable" | "misconfigured";

export interface State {
  /** SQLSTATEs and PostgREST's codes, or HTTP statuses */
  readonly codes: RegExp;
  readonly is: StateName;
  /** in words, where those of the state do not name the fix */
  readonly says?: string;
  /** nobody knows whether the call was heard: whoever has to know, asks the database */
  readonly isUnheard?: boolean;
  readonly source: string;
}

const SQLSTATES = "PostgreSQL, Appendix A: error codes";
const POSTGREST = "PostgREST, errors";
const STATUSES = "Supabase, HTTP status codes";

export const MIGRATE_FIRST =
  "Supabase lacks a function that this version calls: its migrations have not been applied. Run: supabase db push";
const POOLER_MODE =
  "Prepared statements get lost between this Postgres and its pooler. Take the pooler's session mode, or turn prepared statements off (PostgREST: db-prepared-statements)";
const DAMAGED =
  "This Postgres has found damaged data or a damaged index. Look at its log; run REINDEX, or restore a backup";

/** By code: five characters are an SQLSTATE's. */
const STATES: readonly State[] = [
  // 25006 is a standby's answer, too; health tells the two apart (public.switchyard_health)
  { codes: /^25006$/, is: "storage_full", source: "Supabase, database size: read-only mode of a full project" },
  { codes: /^53100$/, is: "storage_full", source: `${SQLSTATES}: disk_full` },
  { codes: /^53[23]00$/, is: "busy", source: `${SQLSTATES}: out_of_memory, too_many_connections` },
  {
    codes: /^53400$/,
    is: "misconfigured",
    says: "A limit of this Postgres is too low for what is asked of it, such as temp_file_limit. Raise it; the database's log names it.",
    source: `${SQLSTATES}: configuration_limit_exceeded`,
  },
  {
    codes: /^(40001|40P01|55P03|55006)$/,
    is: "busy",
    source: `${SQLSTATES}: serialization_failure, deadlock_detected, lock_not_available, object_in_use`,
  },
  // it waited for a lock, or was asked too much of
  { codes: /^57014$/, is: "busy", source: `${SQLSTATES}: query_canceled, by statement_timeout among others` },
  { codes: /^25P0[34]$/, is: "busy", source: `${SQLSTATES}: idle_in_transaction_session_timeout, transaction_timeout` },
  {
    codes: /^57P04$/,
    is: "misconfigured",
    says: "The database at this URL has been dropped. Correct the URL that is configured.",
    source: `${SQLSTATES}: database_dropped`,
  },
  { codes: /^XX00[12]$/, is: "misconfigured", says: DAMAGED, source: `${SQLSTATES}: data_corrupted, index_corrupted` },
  { codes: /^(26000|42P05)$/, is: "misconfigured", says: POOLER_MODE, source: "PostgREST, connection poolers" },
  {
    codes: /^F0...$/,
    is: "misconfigured",
    says: "This Postgres cannot read its configuration file. Look at its log.",
    source: `${SQLSTATES}: class F0`,
  },
  {
    codes: /^(08|40|53|55|57|58|XX)...$/,
    is: "unavailable",
    source: `${SQLSTATES}: connection, rollback with an unknown outcome, resources, state, shutting down or starting, system and internal errors`,
  },
  // all connections of its pool are at work, or hang
  { codes: /^PGRST003$/, is: "busy", isUnheard: true, source: `${POSTGREST}: group 0` },
  { codes: /^PGRST00.$/, is: "unavailable", source: `${POSTGREST}: group 0, connection and schema cache` },
  // a function of an earlier version beside that of a later one
  { codes: /^PGRST20[2345]$/, is: "misconfigured", says: MIGRATE_FIRST, source: `${POSTGREST}: group 2` },
  {
    codes: /^PGRST300$/,
    is: "misconfigured",
    says: "Supabase's REST has no JWT secret. Set it (PostgREST: jwt-secret).",
    source: `${POSTGREST}: group 3`,
  },
];

/** By HTTP status, where no code says more: the gateway's, and that of Cloudflare before it. */
export const HTTP_STATES: readonly State[] = [
  {
    codes: /^402$/,
    is: "misconfigured",
    says: "Supabase has restricted this project: a quota of its organization is exceeded, or a bill is overdue. See the dashboard: Organization, Usage and Billing.",
    source: `${STATUSES}: service restriction`,
  },
  { codes: /^408$/, is: "unavailable", isUnheard: true, source: "RFC 9110: request timeout" },
  { codes: /^429$/, is: "throttled", source: `${STATUSES}: rate limiting` },
  {
    codes: /^540$/,
    is: "misconfigured",
    says: "Supabase has paused this project, as it does with free ones that nobody uses for a week. Restore it in the dashboard.",
    source: `${STATUSES}: project paused`,
  },
  {
    codes: /^(504|524|544)$/,
    is: "unavailable",
    isUnheard: true,
    source: `${STATUSES}: gateway and Cloudflare time-outs`,
  },
  { codes: /^5..$/, is: "unavailable", source: `${STATUSES}: 500, 502, 503, and Cloudflare's 520 to 530` },
];

export const stateOf = (code: string, states = STATES): State | undefined =>
  states.find(({ codes }) => codes.test(code));
