/**
 * What an engine has to do: keep one caller's rows. Everything that all engines share stands above it once, in
 * `createRepository`: a store is given values that have been validated, ids that are UUIDs, queries that have been
 * checked and text that has been folded, and gives records in the contract's spelling. What it refuses, it says with
 * the errors of `refusals.ts`; a database that does not answer is `unavailable` or `busy`; bugs throw.
 *
 * Words: the `keys` of a record are the values that it is sorted by; `search` is folded text; a tombstone is what is left of a deleted
 * row, and no store ever shows one.
 */

import type { Keyset } from "../contract/cursor.ts";
import type { Filter, Sort } from "../contract/query.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";

export type Row = Record<string, unknown>;

/** Which rows; all conditions have to hold. */
export interface Selected {
  filters: readonly Filter[];
  /** folded, as the rows' search text is; absent: any */
  search?: string | undefined;
}

export interface PageRequest extends Selected {
  /** whose rows, instead of the store's own caller or room; whoever asks knows that the caller may read them. At most 200 */
  owners?: readonly string[] | undefined;
  /** by one field after the other; the last is the id, so that no two rows are alike */
  order: readonly Sort[];
  /** the keys of the row behind which the page begins, one for each of `order` */
  after?: Keyset | undefined;
  limit: number;
}

export interface Grouping extends Selected {
  /**
   * a field, or one of kind day or instant of which the month is meant; absent: one group per currency. By a list, a row
   * is in the group of each of its values, once in each, and one whose list is empty in that of null.
   */
  by?: { field: string; month?: { timeZone: string } | undefined } | undefined;
  /** most groups that are given */
  limit: number;
}

/** One group, in any order. Exact: what is rounded is rounded above. */
export interface Group {
  /** the grouped value in the contract's spelling, as text; `YYYY-MM` for a month */
  key: string | null;
  currency: string | null;
  count: number;
  /** decimals of any spelling; null for collections without money */
  sum: string | null;
  min: string | null;
  max: string | null;
}

/** One caller's rows in one database. */
export interface Store {
  /**
   * `values` has every field of the definition. With `idempotencyHash` a create whose id is there answers as
   * `CreateOptions` says. A row that was deleted comes back with a version above its tombstone's.
   * Refuses: `duplicate`, `missingReferences`, `IDEMPOTENCY_MISMATCH`, `DELETED`.
   */
  create(collection: Collection, id: string, values: Row, idempotencyHash?: string): Answer<Row>;
  /** Refuses: `notFound`. */
  get(collection: Collection, id: string): Answer<Row>;
  /**
   * Up to `limit` rows behind `after` in that order; nulls come first ascending and last descending.
   */
  list(collection: Collection, page: PageRequest): Answer<Row[]>;
  /** `changes` holds the fields that change; none is a change, too. Refuses: `notFound`, `VERSION_MISMATCH` and as `create`. */
  update(collection: Collection, id: string, changes: Row, expectedVersion?: number): Answer<Row>;
  /** Leaves a tombstone. Refuses: `notFound`, `VERSION_MISMATCH`, `REFERENCED`. */
  delete(collection: Collection, id: string, expectedVersion?: number): Answer<void>;
  count(collection: Collection, selected: Selected): Answer<number>;
  /** Refuses: `unknownTimeZone`. */
  group(collection: Collection, grouping: Grouping): Answer<Group[]>;
}

/** As much of a store as reads. */
export type ReadStore = Pick<Store, "get" | "list" | "count" | "group">;
