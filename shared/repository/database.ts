/**
 * What the product needs of an engine: the rows of one caller, and the work of the system. One such object stands for one
 * row of `switchyard.databases`; router, health, statistics, purge and commands go over all of them alike. Importing an
 * engine connects to nothing, and so does making one of these.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Deadlines } from "../deadlines.ts";
import type { Collection } from "../definition/define.ts";
import type { HomeCopy } from "./home-copy.ts";
import type { Counted, Quota, Usage } from "./quotas.ts";
import type { ReadStore, Store } from "./store.ts";
import type { SystemChanges } from "./system-changes.ts";

/** The kinds of database that there are. The README says what one more takes. */
export const ENGINES = ["postgres", "mongodb"] as const;
export type Engine = (typeof ENGINES)[number];

/** Which database this is among all of them; kept in itself, too. */
export interface Self {
  /** as in `switchyard.databases`, in tokens and in Server-Timing */
  name: string;
  /** from 1 to 7: what its versions end in */
  site: number;
}

/** Who calls, as their verified token says. */
export interface Caller {
  id: string;
  /** whose rows: the caller's own, or those of a room that they are a member of, which whoever asks has to know */
  scope?: string | undefined;
  /** the token itself: Supabase's REST has to see it */
  jwt: string;
  /** the home that is meant, and how often it has changed; row-level security compares both with what it knows */
  home?: string | undefined;
  homeEpoch?: number | undefined;
  /** ends every call that is still under way */
  signal?: AbortSignal | undefined;
}

export interface Database {
  readonly name: string;
  /** for people's eyes */
  readonly title: string;
  readonly kind: Engine;
  /** how it is reached, where that is worth telling apart (Server-Timing): "rest" or "direct" */
  readonly path?: string;
  /** One caller's rows. `unavailable` when the database does not say who it is, or was never prepared. */
  scoped(caller: Caller): Promise<Result<Store, RepositoryError>>;
  /** What a user keeps there, and may keep, as their verified token names them. */
  usage(userId: string): Promise<Result<Counted, RepositoryError>>;
  /** The same by collection, counted now: it reads all that the user keeps there. */
  holdings(userId: string): Promise<Result<Record<string, Usage>, RepositoryError>>;
  /** copies of records that other databases are the primary of; absent: it keeps none */
  readonly replica?: Replica;
  /** what was written there and Supabase does not have yet, of collections that both take writes of; absent: it keeps none */
  unsent?(): Promise<Result<UnsentState[], RepositoryError>>;
  readonly system: DatabaseSystem;
  /** for moves of users from or to this database */
  copy(): Promise<HomeCopy>;
  /** for data migrations: everybody's records */
  changes(): Promise<SystemChanges>;
  /** Ends its connections; a later call opens them again. */
  close(): Promise<void>;
}

/** Of one collection, in records; counted up to 100,000. */
export interface UnsentState {
  collection: string;
  /** that are still to be sent */
  pending: number;
  /** of those, ones that Supabase has refused and that are tried again */
  failing: number;
  /** that were set aside */
  dead: number;
  /** how long the oldest of what is pending has waited, in milliseconds; null: nothing is */
  oldest_ms: number | null;
}

/** Copies, to be read while their primary is away. What is not there may be in the primary all the same. */
export interface Replica {
  /** One caller's rows. `misconfigured` when it was never prepared. */
  scoped(caller: Caller): Promise<Result<ReadStore, RepositoryError>>;
  /** Up to when everything of the primary is in it; null: nobody has said. */
  completeUpTo(): Promise<Result<Date | null, RepositoryError>>;
  /** What the operator has made writable in it, while the primary is away; by collection. */
  promotions(): Promise<Result<ReadonlyMap<string, "promoted" | "draining" | "home">, RepositoryError>>;
  /** One caller's rows of such a collection, to be written, too. Errors: as `scoped`. */
  writable(caller: Caller): Promise<Result<Store, RepositoryError>>;
}

/** So many records of a collection are counted; of more there is an estimate, which costs the same however many there are. */
export const COUNTED_EXACTLY = 100_000;

/** By collection. */
export interface RecordCounts {
  counts: Record<string, number | null>;
  /** of those whose count is an estimate, of when it is (ISO 8601); null: nobody knows */
  estimated: Record<string, string | null>;
}

/** What is wrong with a database that answers; null for nothing. */
export type Finding = string | RepositoryError | null;

/** Work for no caller. What cannot be done is thrown, as the driver throws it, but where a Result is given. */
interface DatabaseSystem {
  /**
   * Whether it answers, on a way that the calls of users cannot fill; may hang. The value is what is wrong with it
   * although it answers, in words that name the fix, or an error of the contract (it is full), or null.
   */
  probe(): Promise<Result<Finding, unknown>>;
  /** Makes it fit the definitions; safe to repeat, and by two at once. */
  prepare(self: Self): Promise<void>;
  /** Makes the configured quota that of its users, where the database itself holds it. Safe to repeat. */
  limit(): Promise<void>;
  /** Deletes everything of a user's, tombstones, too. Safe to repeat. */
  purge(userId: string): Promise<void>;
  /** Takes away tombstones, and what is known of moves, that nobody needs any more, where the database does not do so by itself. Safe to repeat. */
  sweep(): Promise<void>;
  /** Living records of each collection; null for one that cannot be counted within that time, in milliseconds. */
  count(collections: readonly Collection[], limitMs: number): Promise<RecordCounts>;
  /** What the whole database takes up, in bytes, with its indexes; null where that cannot be known. */
  size(): Promise<number | null>;
  /**
   * What each of these users keeps, by id, as this database counts it; who keeps nothing is not in it. For whoever plans moves:
   * no write is made slower by it.
   */
  userSizes(userIds: readonly string[]): Promise<ReadonlyMap<string, Usage>>;
}

/** Migrations, oldest first, and what comes before them in a Postgres that is not Supabase's own. */
interface SchemaFiles {
  base: string;
  migrations: readonly { version: string; name: string; text: string }[];
}

/** What an engine is made of. */
export interface EngineOptions {
  name: string;
  title: string;
  url: string;
  /** the database at that URL, where the URL does not say */
  database?: string | undefined;
  /** what is kept here */
  collections: readonly Collection[];
  deadlines: Deadlines;
  /** shown in the server's own lists of connections */
  appName: string;
  maxPoolSize?: number | undefined;
  /** milliseconds, of any beginning; may be set back */
  clock?: (() => number) | undefined;
  /** milliseconds, of any beginning, never set back: how old lists are; this process' own unless told */
  ageClock?: (() => number) | undefined;
  /** how old an instance's list of who is moving may be, in milliseconds; 20 s unless told, and the same everywhere */
  noticeMs?: number | undefined;
  /** of each user; generous by default */
  quota?: Quota | undefined;
  /** the SQL files that a Postgres is prepared with; read by the command line only */
  schema?: (() => Promise<SchemaFiles>) | undefined;
  /** told of each pool of connections that is made: on Vercel it is to be emptied before the function is frozen */
  onPool?: ((pool: unknown) => void) | undefined;
}
