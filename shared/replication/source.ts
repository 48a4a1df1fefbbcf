/**
 * The side that is copied from: Supabase's Postgres, asked through its system functions (`public.switchyard_replication_*`,
 * supabase/migrations/20261129000210, 220 and 20261130000210), which say what each does. Importing this connects to nothing.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { recordColumns } from "../postgres/rows.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Seen } from "./seen.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface RowKey {
  collection: string;
  id: string;
}
interface Mark extends RowKey {
  seq: number;
}

/** A row as it is now: living, or a tombstone. One of which neither is left is not given. */
export type SourceRow = RowKey & { seen: Seen } & (
    | { row: Readonly<Record<string, unknown>> }
    | { row?: undefined; owner: string; version: string; create_hash: string | null; deleted_at: string }
  );

export interface Claim {
  marks: readonly Mark[];
  /** rows that the copy has refused before, with how often */
  retries: readonly (RowKey & { attempts: number })[];
  rows: readonly SourceRow[];
  claimed_up_to: number;
  /** everything that was committed before that instant is marked by now, and all marks are in this claim or gone */
  complete_up_to: string | null;
}

export interface Settlement {
  seqs: readonly number[];
  failed: readonly (RowKey & { error: string })[];
  done: readonly RowKey[];
  buried: readonly (RowKey & { version: string })[];
}

/** As `switchyard_replication_status` says it; milliseconds. */
export interface ReplicationStatus {
  is_on: boolean;
  pending: number;
  oldest_ms: number | null;
  lag_p50_ms: number | null;
  lag_p99_ms: number | null;
  /** of the way back, from the write in MongoDB */
  back_lag_p50_ms: number | null;
  back_lag_p99_ms: number | null;
  /** rows to MongoDB over the last minute; null: none */
  copied_per_second: number | null;
  failing: number;
  dead: number;
  /** that nobody has decided about */
  conflicts: number;
  collections: readonly {
    collection: string;
    /** whether both databases take writes of it */
    both_ways: boolean;
    pending: number;
    failing: number;
    dead: number;
    conflicts: number;
    /** what MongoDB took before then is here; null: not known, or only Supabase takes any */
    received_up_to: string | null;
    backfill: { marked: number; started_at: string; done_at: string | null } | null;
  }[];
}

interface Backfilled {
  marked: number;
  total?: number;
  is_done: boolean;
  /** it waits for transactions that were open when replication was switched on */
  waits: boolean;
}

/** A document of the copy on its way back. `waits`: how often Postgres has said that what it refers to is not there yet. */
export type RestoredRow = { id: string; seen: Seen; waits?: number } & (
  | { row: Readonly<Record<string, unknown>> }
  | { owner: string; version: string; create_hash: string | null; deleted_at: string }
);

interface Applied {
  applied: number;
  /** here in that version, or a newer one */
  stale: number;
  refused: { id: string; error: string }[];
}

/** What became of a version that was sent: as `switchyard.take_row` says it. */
export interface Taken {
  id: string;
  is: "applied" | "stale" | "merged" | "waiting" | "refused";
  error?: string;
}

/** A row as it was: with what was in it, or as a deletion. */
export interface ConflictVersion {
  version: number;
  seen: Seen;
  row?: Readonly<Record<string, unknown>>;
  deleted_at?: string;
}
interface ConflictKey {
  id: number;
  collection: string;
  row_id: string;
  found_at: string;
  state: "open" | "kept" | "other";
}
/** A row that was changed on both sides. */
export interface Conflict extends ConflictKey {
  /** the version that stayed, and the one that did not */
  kept: ConflictVersion;
  other: ConflictVersion;
  /** what is there now; null: nothing, and no tombstone */
  present: ConflictVersion | null;
}

type DeadRow = RowKey & { attempts: number; error: string; failed_at: string };

export interface ReplicationSource {
  claim(options: { limit: number; leaseSeconds: number; newest: number; after: number }): Answer<Claim>;
  settle(settlement: Settlement): Answer<void>;
  /** Gives marks back, for others or for later. */
  release(seqs: readonly number[]): Answer<void>;
  /** Looks at marks behind that one. `after`: the last that it has looked at; null: there was none. */
  compact(after: number): Answer<{ after: number | null; looked_at: number; removed: number }>;
  status(): Answer<ReplicationStatus>;
  dead(limit: number): Answer<DeadRow[]>;
  retry(): Answer<number>;
  trim(): Answer<void>;
  /** True for one caller within that time, in milliseconds: it stays, and takes what comes meanwhile. */
  attend(ms: number): Answer<boolean>;
  /** Says in which database a collection is written, unless something later is known; what is known by then. */
  place(collection: string, database: string, epoch: number): Answer<{ primary: string; epoch: number }>;
  /** False: it was so already. */
  switch(on: boolean): Answer<boolean>;
  backfill(collection: string, limit: number, restart: boolean): Answer<Backfilled>;
  scan(
    collection: Collection,
    after: string | null,
    limit: number,
    deep: boolean,
  ): Answer<{ id: string; seen: Seen; row?: Readonly<Record<string, unknown>> }[]>;
  read(collection: Collection, ids: readonly string[]): Answer<{ pending: string[]; rows: SourceRow[] }>;
  mark(collection: string, ids: readonly string[]): Answer<number>;
  /** Rows from the copy, exactly. `dryRun`: what would become of them. */
  apply(collection: string, rows: readonly RestoredRow[], dryRun: boolean): Answer<Applied>;
  /** Conflicts, the latest first: those that nobody has decided about, or all. */
  conflicts(limit: number, all: boolean): Answer<(ConflictKey & { kept_version: string; other_version: string })[]>;
  /** `not_found`: there is none of that number. */
  conflict(id: number): Answer<Conflict>;
  /** `other` is a new write, of that version. `not_found`; `invalid`: it was decided, or cannot be written any more. */
  choose(id: number, choice: "kept" | "other"): Answer<{ state: string; version: number | null }>;
  /**
   * Versions that were written in MongoDB, of a collection that both databases take writes of. `completeUpTo`: all that was
   * written there before is here with these. `invalid`: one of them is such that none was taken.
   */
  merge(collection: string, rows: readonly RestoredRow[], completeUpTo: Date | null): Answer<Taken[]>;
}
/** As much of it as takes what was written in MongoDB. */
export type MergeSource = Pick<ReplicationSource, "merge">;

/** What is read of a row: what makes a record, and the hash of the request that made it. */
const columnsOf = (collection: Collection) => JSON.stringify([...recordColumns(collection), "create_hash"]);

/** `client` carries the secret key; `collections` are those that have a copy. */
export function supabaseSource(client: SupabaseClient, collections: readonly Collection[]): ReplicationSource {
  const columns = Object.fromEntries(collections.map((collection) => [collection.name, columnsOf(collection)]));
  const call = <T>(name: string, parameters: object = {}) =>
    callSystem<T>(client, `switchyard_replication_${name}`, parameters);
  return {
    claim: ({ limit, leaseSeconds, newest, after }) =>
      call("claim", {
        p_columns: columns,
        p_limit: limit,
        p_lease_seconds: leaseSeconds,
        p_newest: newest,
        p_behind: after,
      }),
    settle: ({ seqs, failed, done, buried }) =>
      call("settle", { p_seqs: seqs, p_failed: failed, p_done: done, p_buried: buried }),
    release: (seqs) => call("release", { p_seqs: seqs }),
    compact: (after) => call("compact", { p_behind: after }),
    status: () => call("status"),
    dead: (limit) => call("dead", { p_limit: limit }),
    retry: () => call("retry"),
    trim: () => call("trim"),
    attend: (ms) => call("attend", { p_ms: Math.ceil(ms) }),
    place: (collection, database, epoch) =>
      call("place", { p_collection: collection, p_database: database, p_epoch: epoch }),
    switch: (on) => call("switch", { p_on: on }),
    backfill: (collection, limit, restart) =>
      call("backfill", { p_collection: collection, p_limit: limit, p_restart: restart }),
    scan: (collection, after, limit, deep) =>
      call("scan", {
        p_collection: collection.name,
        p_behind: after,
        p_limit: limit,
        p_columns: deep ? columnsOf(collection) : null,
      }),
    read: (collection, ids) =>
      call("read", { p_collection: collection.name, p_ids: ids, p_columns: columnsOf(collection) }),
    mark: (collection, ids) => call("mark", { p_collection: collection, p_ids: ids }),
    // as text: numbers that are more exact than a double's stand in it as they are
    apply: (collection, rows, dryRun) =>
      call("apply", { p_collection: collection, p_rows: JSON.stringify(rows), p_dry_run: dryRun }),
    conflicts: (limit, all) => call("conflicts", { p_limit: limit, p_all: all }),
    conflict: (id) => call("conflict", { p_conflict: id }),
    choose: (id, choice) => call("choose", { p_conflict: id, p_choice: choice }),
    merge: (collection, rows, completeUpTo) =>
      call("merge", { p_collection: collection, p_rows: JSON.stringify(rows), p_complete_up_to: completeUpTo }),
  };
}
