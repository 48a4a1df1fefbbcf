/**
 * Batches that a run was about to write when it was last heard of: a process that was frozen there, for longer than its lease,
 * writes when it wakes, and so may a server that was silent. What it writes are fields of records that still have the version
 * with which it has read them. A run in the same direction changes these records itself. One in the other direction would leave
 * those that it finds in its own shape as they are, so it gives every record of such a batch a new version first, and nothing
 * else: the write of whoever wakes misses them all.
 *
 * The versions are the fence because no transaction spans the lease, which the control plane keeps, and records in other
 * databases; a token that each write compared there would be one more document or row that all writes of a run contend for.
 */
import { busy } from "../contract/errors.ts";
import { type Collection, identityOf } from "../definition/define.ts";
import type { Row } from "../repository/store.ts";
import type { Place, RecordChange, SystemChanges } from "../repository/system-changes.ts";
import { asked, Stopped, type Waiting } from "./asking.ts";
import type { Direction } from "./change.ts";
import type { MigratedDatabase } from "./databases.ts";

/** Records of one database behind `after`, up to `to`. */
export interface InFlight {
  direction: Direction;
  /** of the file that was run */
  checksum: string;
  database: string;
  after: Place | null;
  to: Place;
}

export interface SettleOptions {
  collection: Collection;
  databases: readonly MigratedDatabase[];
  batchSize: number;
  /** makes sure that the lease is ours */
  keep: () => Promise<void>;
  wait: Waiting;
}

/** For records whose users are being moved, which takes a second or two. */
const TRIES = 30;
const AGAIN_MS = 1_000;

/** The place of the last one; undefined when there is none. */
export function lastPlaceOf(collection: Collection, records: readonly Row[]): Place | undefined {
  const last = records.at(-1);
  return last && { owner: String(last[identityOf(collection).owner]), id: String(last.id) };
}

/** Afterwards no write of that batch finds a record as it was read. Throws `CallFailed`, or `Stopped` where users are being moved. */
export async function settle(batch: InFlight, options: SettleOptions): Promise<void> {
  const { collection, databases, batchSize, wait } = options;
  const database = databases.find(({ name }) => name === batch.database);
  if (!database) return;
  const changes = await asked(() => database.changes(), wait);
  for (let after = batch.after; ; ) {
    const from = after;
    const page = await asked(() => changes.page(collection, from, batchSize), wait);
    await touch(page.records, changes, options);
    if (page.next === null || !isBefore(collection, page.next, batch.to)) return;
    after = page.next;
  }
}

/** A record that is missed has been written by others meanwhile, which is as good. */
async function touch(records: readonly Row[], changes: SystemChanges, options: SettleOptions): Promise<void> {
  const { collection, keep, wait } = options;
  let left = records.map((record) => touchOf(collection, record));
  for (let tries = 1; left.length > 0; tries++) {
    await keep();
    const wanted = left;
    const outcomes = await asked(() => changes.change(collection, wanted), wait);
    left = wanted.filter((_, at) => outcomes[at]?.is === "busy");
    if (left.length > 0 && tries === TRIES) throw new Stopped(busy(beingMoved(left.length)));
    if (left.length > 0) await wait(AGAIN_MS);
  }
}

const beingMoved = (count: number) =>
  `${count} records of a batch that an earlier run may still write belong to users who are being moved. The same command goes on when they have arrived.`;

/** One field, with the value that it has: whatever is written gets a new version. */
function touchOf(collection: Collection, record: Row): RecordChange {
  const names = Object.entries(collection.fields).flatMap(([name, { isAuthor }]) => (isAuthor ? [] : [name]));
  const name = names.find((each) => record[each] !== null && record[each] !== undefined) ?? names[0] ?? "";
  const { owner } = identityOf(collection);
  const fields = { [name]: record[name] ?? null };
  return { owner: String(record[owner]), id: String(record.id), version: Number(record.version), fields };
}

/** In the order of the pages: where a home keeps them by owner, too. */
function isBefore({ placement }: Collection, a: Place, b: Place): boolean {
  if (placement.kind === "home" && a.owner !== b.owner) return a.owner < b.owner;
  return a.id < b.id;
}
