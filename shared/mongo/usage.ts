/**
 * Quotas in MongoDB. Only this code writes there, so it is here that they are held: counted by one aggregation, and kept
 * for a while with what has been added since, so that a create stays one call.
 *
 * It is counted anew after a minute, once a hundredth of the quota has been added, and for every write of whoever has used
 * nine tenths of it. So nobody is refused but by a fresh count, and the most that one instance lets through too much is what
 * other instances add between its count and its write: a hundredth of the quota for each of them at worst. (A counter in
 * MongoDB that each write adds to would be exact, and would make every create a transaction.)
 *
 * Bytes are those of the documents as BSON. Of one that is to be written they are estimated, until it is counted.
 */
import { BSON, type Db, type Document, MongoServerError } from "mongodb";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { type Counted, DEFAULT_QUOTA, type Quota, type Usage } from "../repository/quotas.ts";
import { quotaExceeded } from "../repository/refusals.ts";
import { keysOf } from "./keys.ts";
import { aggregateOverAll } from "./over-all.ts";

const FRESH_MS = 60_000;
const NEAR = 0.9;
const STEP = 0.01;
const MAX_USERS = 10_000;
/** Ids, times, version and hash of a document. */
const STAMPS_BYTES = 256;
const MAX_TIME_EXPIRED = 50;

export interface UsageOptions {
  collections: readonly Collection[];
  quota?: Quota | undefined;
  /** longest time of a count, in milliseconds */
  maxTimeMs: number;
  /** milliseconds, of any beginning */
  clock?: (() => number) | undefined;
}

/** One user's, as far as it is known here. */
interface Known extends Usage {
  countedAt: number;
  /** what was added since it was counted, that is under way included */
  added: Usage;
  counting?: Promise<void> | undefined;
}

export interface UsageGate {
  /** What the user keeps, counted now. Throws the driver's error. */
  count(db: Db, userId: string): Promise<Counted>;
  /** Whether so much more is refused. If not, it counts as added. Throws the driver's error. */
  refusal(db: Db, userId: string, more: Usage): Promise<RepositoryError | undefined>;
  /** Nothing was added after all. */
  giveBack(userId: string, more: Usage): void;
  /** Whether so many bytes more could be refused: then it pays to look how many there are already. */
  isNear(userId: string): boolean;
}

export const sizeOf = (fields: Document): number => BSON.calculateObjectSize(fields);
export const newDocument = (fields: Document): Usage => ({ records: 1, bytes: sizeOf(fields) + STAMPS_BYTES });

export function createUsageGate({
  collections: all,
  quota = DEFAULT_QUOTA,
  maxTimeMs,
  clock = () => performance.now(),
}: UsageOptions): UsageGate {
  const users = new Map<string, Known>();
  const collections = all.filter(({ keptDays }) => keptDays === null);

  const known = (userId: string): Known => {
    const found = users.get(userId) ?? { ...nothing(), countedAt: Number.NEGATIVE_INFINITY, added: nothing() };
    // the one that was used last goes last
    users.delete(userId);
    users.set(userId, found);
    const oldest = users.keys().next();
    if (users.size > MAX_USERS && !oldest.done) users.delete(oldest.value);
    return found;
  };
  const isOver = (part: Usage, share: number): boolean =>
    (quota.records !== null && part.records > quota.records * share) ||
    (quota.bytes !== null && part.bytes > quota.bytes * share);
  const total = ({ records, bytes, added }: Known, more = nothing()): Usage => ({
    records: records + added.records + more.records,
    bytes: bytes + added.bytes + more.bytes,
  });

  /** Whoever asks meanwhile waits for the same count. */
  const recount = (db: Db, userId: string, user: Known): Promise<void> => {
    const before = { ...user.added };
    user.counting ??= countDocuments(db, collections, userId, maxTimeMs)
      .then(
        (counted) => {
          Object.assign(user, counted);
          // what came while it was counted may have been counted or not
          user.added = minus(user.added, before);
        },
        (error) => {
          // so much that it cannot be counted in time: what is known has to do, for a while
          if (!(error instanceof MongoServerError && error.code === MAX_TIME_EXPIRED)) throw error;
        },
      )
      .then(() => {
        user.countedAt = clock();
      })
      .finally(() => {
        user.counting = undefined;
      });
    return user.counting;
  };

  return {
    async count(db, userId) {
      const counted = await countDocuments(db, collections, userId, maxTimeMs);
      return { ...counted, quota_records: quota.records, quota_bytes: quota.bytes };
    },
    async refusal(db, userId, more) {
      const user = known(userId);
      const isFresh = Math.abs(clock() - user.countedAt) <= FRESH_MS && !isOver(user.added, STEP);
      if (!isFresh || isOver(total(user, more), NEAR)) await recount(db, userId, user);
      const would = total(user, more);
      const isTooMuch =
        (more.records > 0 && quota.records !== null && would.records > quota.records) ||
        (more.bytes > 0 && quota.bytes !== null && would.bytes > quota.bytes);
      if (isTooMuch) return quotaExceeded({ ...would, quota_records: quota.records, quota_bytes: quota.bytes });
      user.added = minus(user.added, { records: -more.records, bytes: -more.bytes });
      return undefined;
    },
    giveBack(userId, more) {
      const user = users.get(userId);
      if (user) user.added = minus(user.added, more);
    },
    isNear: (userId) => isOver(total(known(userId)), NEAR),
  };
}

const nothing = (): Usage => ({ records: 0, bytes: 0 });
const minus = (one: Usage, other: Usage): Usage => ({
  records: Math.max(0, one.records - other.records),
  bytes: Math.max(0, one.bytes - other.bytes),
});

/** Living documents of each collection, in one call. */
export async function holdingsIn(
  db: Db,
  all: readonly Collection[],
  userId: string,
  maxTimeMS: number,
): Promise<Record<string, Usage>> {
  const collections = all.filter(({ scope, keptDays }) => scope.kind === "owner" && keptDays === null);
  const sizes = (collection: Collection) => [
    { $match: keysOf(collection).living(userId) },
    { $group: { _id: collection.name, records: { $sum: 1 }, bytes: { $sum: { $bsonSize: "$$ROOT" } } } },
  ];
  const found = await aggregateOverAll(db, collections, sizes, { maxTimeMS });
  const holdings = Object.fromEntries(collections.map(({ name }) => [name, nothing()]));
  for (const { _id, records, bytes } of found) holdings[_id] = { records: Number(records), bytes: Number(bytes) };
  return holdings;
}

/** Living documents of all collections, in one call. */
async function countDocuments(
  db: Db,
  collections: readonly Collection[],
  userId: string,
  maxTimeMS: number,
): Promise<Usage> {
  const sizes = (collection: Collection) => [
    { $match: keysOf(collection).living(userId) },
    { $group: { _id: null, records: { $sum: 1 }, bytes: { $sum: { $bsonSize: "$$ROOT" } } } },
  ];
  const found = await aggregateOverAll(db, collections, sizes, { maxTimeMS });
  return found.reduce<Usage>(
    (sum, part) => ({ records: sum.records + Number(part.records), bytes: sum.bytes + Number(part.bytes) }),
    nothing(),
  );
}
