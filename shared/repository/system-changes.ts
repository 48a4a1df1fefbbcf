/**
 * What whoever changes everybody's records needs of a database: to read them one page after the other, and to change fields of
 * those that are still as they were read. For no caller; but what is changed goes the way of the users' own writes, so versions,
 * copies, quotas and references hold, and no record is touched while its owner is being moved. What cannot be done is thrown,
 * as an error of the contract.
 */
import type { Collection } from "../definition/define.ts";
import type { Row } from "./store.ts";

/** Of a record among all of a collection's in one database. */
export interface Place {
  owner: string;
  id: string;
}

export interface ChangePage {
  /** with all their fields, id, owner, version and times; only of those whose records are this database's at this moment */
  records: Row[];
  /** behind what the next page begins; null: there is none */
  next: Place | null;
}

export interface RecordChange extends Place {
  /** that it was read with */
  version: number;
  /** what changes, at least one field */
  fields: Row;
}

/**
 * `missed`: it has another version by now, or is gone. `busy`: its owner is being moved, or others were in the way: later.
 * `elsewhere`: its owner is at home in another database by now. `refused`: a unique key, a reference, a rule or the quota stands
 * against it. In all of these cases nothing is changed.
 */
export type ChangeOutcome =
  | { is: "written" | "missed" | "elsewhere" }
  | { is: "busy" | "refused"; reason?: string | undefined };

export interface SystemChanges {
  /** Up to about `limit` records (at most 1000) behind that place, by owner and id. */
  page(collection: Collection, after: Place | null, limit: number): Promise<ChangePage>;
  /** One outcome for each, in the same order. Each by itself: of two, one may be written and the other not. */
  change(collection: Collection, changes: readonly RecordChange[]): Promise<ChangeOutcome[]>;
}
