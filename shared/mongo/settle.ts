/**
 * Settles references whose writers have gone: the marker of a write that held is cleared, a write that does not hold is
 * taken back. Run with the purge loop; safe to run at any time and by several at once, because every step is guarded by
 * the marker's token.
 */
import type { Db, Document, Collection as Stored } from "mongodb";
import type { Collection } from "../collections/define.ts";
import { type ReferenceField, referencesFrom } from "../collections/references.ts";
import type { HomeId } from "./documents.ts";
import { undoCreate, undoReferences } from "./references.ts";

/** Longer than any request: its writer is done, or dead. */
const SETTLE_AFTER_MS = 15_000;
const BATCH_SIZE = 500;

export interface Settled {
  cleared: number;
  undone: number;
}

export async function settleReferences(
  db: Db,
  collections: readonly Collection[],
  now: () => number = Date.now,
): Promise<Settled> {
  const settled: Settled = { cleared: 0, undone: 0 };
  for (const collection of collections.filter((one) => referencesFrom(one).length > 0))
    await settleCollection(db, collection, now, settled);
  return settled;
}

async function settleCollection(db: Db, collection: Collection, now: () => number, settled: Settled): Promise<void> {
  const children = db.collection(collection.name);
  const due = { "_refs_pending.at": { $lt: new Date(now() - SETTLE_AFTER_MS) } };
  const pending = await children.find(due).sort({ "_refs_pending.at": 1 }).limit(BATCH_SIZE).toArray();
  for (const child of pending) {
    const { token } = child._refs_pending;
    const dangling = await danglingOf(db, collection, child);
    if (dangling.length === 0) {
      const cleared = { _id: child._id, "_refs_pending.token": token };
      await children.updateOne(cleared, { $unset: { _refs_pending: "" } });
      settled.cleared++;
    } else {
      await takeBack(children, child, dangling, now());
      settled.undone++;
    }
  }
}

async function takeBack(
  children: Stored,
  child: Document,
  dangling: readonly ReferenceField[],
  now: number,
): Promise<void> {
  const { token, fields = {} } = child._refs_pending;
  // fields that the marker knows were set by an update of a record that was whole before
  const known = dangling.filter(({ field }) => Object.hasOwn(fields, field));
  if (known.length === dangling.length)
    await undoReferences(
      children,
      child._id as never,
      token,
      known.map(({ field }) => field),
      now,
    );
  else await undoCreate(children, child._id as never, token, now);
}

/** The child's references to records that are not there. */
async function danglingOf(db: Db, collection: Collection, child: Document): Promise<ReferenceField[]> {
  const { user_id } = child._id as unknown as HomeId;
  const found = await Promise.all(
    referencesFrom(collection).map(async (reference) => {
      const id = child[reference.field];
      if (!id) return [];
      const parent = await db
        .collection(reference.target)
        .findOne({ _id: { user_id, id } as never, _deleted_at: null }, { projection: { _id: 1 } });
      return parent ? [] : [reference];
    }),
  );
  return found.flat();
}
