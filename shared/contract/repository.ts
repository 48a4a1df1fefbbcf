/**
 * The contract: one collection's records of one owner, whichever database they are in. Every implementation passes
 * test/contract. Nothing here throws but bugs; a database that does not answer is `unavailable`.
 *
 * Words: a *record* has all its fields (an absent optional one is null); `version` is its ETag; a record of another
 * owner does not exist as far as any call can tell.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "./errors.ts";
import type { ListQuery, Selection, SummaryQuery } from "./query.ts";

export type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface Page<R> {
  items: R[];
  /** null on the last page */
  next_cursor: string | null;
}

/** One group of a summary. Groups come sorted by key (null first, then byte order), then currency. */
export interface SummaryGroup {
  /** the grouped value as text (`YYYY-MM` for months, "true"/"false"); null for records without one, or without `by` */
  key: string | null;
  /** null for collections without money, and so are the four numbers behind `count` */
  currency: string | null;
  count: number;
  sum: string | null;
  min: string | null;
  max: string | null;
  average: string | null;
}

interface CreateOptions {
  /**
   * The body's hash, of a create with an idempotency key (whose id is made from the key). When a record with this
   * id is there: same hash, the record as it is now; another hash, `idempotency_mismatch`; deleted, `deleted`. One that
   * was made without a hash is another record, whose id is taken: `duplicate`.
   */
  idempotencyHash?: string;
}

interface WriteOptions {
  /** `If-Match`: the write happens only while the record has this version */
  expectedVersion?: number;
}

export interface Repository<R = Record<string, unknown>, C = Record<string, unknown>, P = Record<string, unknown>> {
  /**
   * Stores a new record; `input.id` is the record's id (made by the caller's `newId` when absent).
   * Errors: `invalid_input`, `invalid_reference` (a referenced record is not there), `duplicate` (id or unique key).
   * Of concurrent creates with one id exactly one wins. A deleted record's id may be used again, with higher versions.
   */
  create(input: C, options?: CreateOptions): Answer<R>;
  /** Errors: `not_found`. */
  get(id: string): Answer<R>;
  /**
   * One page in sort order, ties by created_at and then id in the same direction; nulls first ascending, last descending. A record that
   * exists through the whole listing with an unchanged sort key appears exactly once. Errors: `invalid_cursor`, `invalid_query`.
   */
  list(query: ListQuery): Answer<Page<R>>;
  /**
   * Changes the fields that are given; null clears an optional one; no fields is a valid change (a new version).
   * Of concurrent updates with the same expected version exactly one wins.
   * Errors: `not_found`, `version_mismatch`, `invalid_input`, `invalid_reference`, `duplicate`.
   */
  update(id: string, patch: P, options?: WriteOptions): Answer<R>;
  /**
   * Removes a record. Errors: `not_found`, `version_mismatch`, `referenced`. A record created at the same time never
   * refers to a removed one.
   */
  delete(id: string, options?: WriteOptions): Answer<void>;
  count(selection: Selection): Answer<number>;
  /** Counts and exact sums per group and currency; groups by a list overlap. Errors: `invalid_query` (more than `MAX_GROUPS` groups, too). */
  summarize(query: SummaryQuery): Answer<SummaryGroup[]>;
}

export const MAX_GROUPS = 10_000;
