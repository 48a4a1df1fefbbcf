/**
 * What whoever moves a user from one home to another needs of a database: the fence, and the user's records exactly as they
 * are. For no caller, and only where collections are kept at home. What cannot be done is thrown, as the driver throws it.
 */
import type { Collection } from "../definition/define.ts";
import type { Row } from "./store.ts";

/** Where a user is at home, as that database is to know it. */
export interface Fence {
  home: string;
  /** how often the home has changed */
  epoch: number;
  /** moving: reads go on, writes are told to come again */
  state: "active" | "moving";
  /** of whoever sets it; one who comes later has a larger one, and the earlier is refused */
  turn: number;
  /** after so many milliseconds writes go on whatever happens; absent: until the fence is set again */
  forMs?: number;
}

/** `busy`: writes were under way for all of the time that was given. `passed`: a later turn or move has set it. */
export type FenceAnswer = "set" | "busy" | "passed";

export interface ManifestEntry {
  id: string;
  version: number;
  isDeleted: boolean;
}

export interface CopiedRow {
  /** every field in the contract's spelling, with id, owner, version and times */
  record: Row;
  /** of the request that made it */
  createHash: string | null;
}

export interface CopiedTombstone {
  id: string;
  version: number;
  createHash: string | null;
  /** an instant */
  deletedAt: string;
}

export interface Copied {
  rows: readonly CopiedRow[];
  tombstones: readonly CopiedTombstone[];
}

/** What the database itself counts. */
export interface Measure {
  count: number;
  deleted: number;
  /** of each field that is a number, as a decimal */
  sums: Record<string, string>;
}

/** A write that came late to an earlier home. */
export interface Forwarded {
  userId: string;
  /** how often the home had changed when the user came here */
  epoch: number;
  collection: Collection;
  /** one row or one tombstone */
  copied: Copied;
  /** the version of it that has to be here; null: nothing of it */
  expected: number | null;
}

/**
 * `done`: it is here, be it from before; otherwise nothing is changed. `changed`: something else is here; `taken`: another
 * record has its unique key; `unfit`: what it refers to is not here, or what is to be deleted is referred to; `busy`: the user
 * is being moved; `elsewhere`: they are not at home here, or came back meanwhile.
 */
export type ForwardAnswer = "done" | "changed" | "taken" | "unfit" | "busy" | "elsewhere";

/** Of one collection, tombstones and all; two that have different ids in different versions have different ones. */
export interface Digest extends Measure {
  /** of all versions, as the database adds them up */
  versions: string;
  /** the newest version; 0: there is nothing */
  newest: number;
}

/** The digest's `versions` where all that is there are `count` rows of that one version. */
export function versionsOfOne(version: number, count: number): string {
  const [all, rows] = [BigInt(version), BigInt(count)];
  const square = (all % 1_048_573n) ** 2n;
  return `${[all % 2_147_483_647n, all % 2_147_483_629n, square].map((each) => each * rows).join(".")} 0.0.0`;
}

export interface OwnedKey {
  userId: string;
  id: string;
}

export interface OwnedRow extends CopiedRow {
  userId: string;
}

/** What an import has put there for a user: all of it has that version. */
export interface Brought {
  userId: string;
  version: number;
}

/** Two users may have a record with the same id. */
export const ownedKey = ({ userId, id }: OwnedKey): string => `${userId} ${id}`;

export interface HomeCopy {
  /**
   * How long it takes at most, in milliseconds, from when a fence is set for the first time until every instance looks at
   * it; 0 where the database itself looks.
   */
  readonly heardAfterMs: number;
  /** Waits up to `waitMs` for writes that are under way; once it is set, there are none. */
  setFence(userId: string, fence: Fence, waitMs: number): Promise<FenceAnswer>;
  /** One page of what is there, by id, behind `after`; less than `limit` is the last one. */
  manifest(userId: string, collection: Collection, after: string | null, limit: number): Promise<ManifestEntry[]>;
  read(userId: string, collection: Collection, ids: readonly string[]): Promise<Copied>;
  /**
   * Puts these in the place of what is there under their ids, and takes `gone` away; all or nothing. Refused where the
   * user is at home, and when a later turn has set the fence there.
   */
  write(userId: string, turn: number, collection: Collection, copied: Copied, gone: readonly string[]): Promise<void>;
  measure(userId: string, collection: Collection): Promise<Measure>;
  /** Of each of these, by name, in one call. */
  digests(userId: string, collections: readonly Collection[]): Promise<Record<string, Digest>>;
  /** What has at least that version, by name of the collection, and in each by version; up to `limit` of each, in one call. */
  changes(
    userId: string,
    since: ReadonlyMap<Collection, number>,
    limit: number,
  ): Promise<ReadonlyMap<string, readonly ManifestEntry[]>>;
  /** Makes such a write where the user is at home: exactly as it was, its version and times with it. */
  forward(late: Forwarded): Promise<ForwardAnswer>;
  /** Takes everything away. Refused as `write`. */
  clear(userId: string, turn: number): Promise<void>;
  /**
   * For users who are not there yet: puts these where nothing is, and leaves alone what is there. What cannot be done is thrown
   * as an error of the contract; `invalid` and `conflict` are the records' fault, and some of them may be there all the same.
   */
  bring(collection: Collection, rows: readonly OwnedRow[]): Promise<void>;
  /** Of many users, by `ownedKey`; what is deleted is null, and what is not there is not in it. */
  readOwned(collection: Collection, keys: readonly OwnedKey[]): Promise<ReadonlyMap<string, Row | null>>;
  /** Takes away what has that version or an earlier one, without tombstones, while these users are not there. */
  unbring(brought: readonly Brought[]): Promise<void>;
  /** Deletes those that still have that version and that nothing refers to, as the user would; gives their ids. */
  withdraw(userId: string, collection: Collection, version: number, ids: readonly string[]): Promise<string[]>;
}
