/**
 * Mends what writers left before references were kept by transactions. They wrote a record first, with a marker
 * `_refs_pending`, and then looked at its parents; deletions marked theirs with `_deleting`. Of a marker count here
 *
 *   created  true when it was never sure that the record may be there
 *   before   what the last update changed, as it was
 *   fields   of each reference, what it has been, the newest last
 *
 * A migration: the indexes of those markers say that there may be some, and go when there are none left.
 */
import type { Binary, Db, Document } from "mongodb";
import { err } from "neverthrow";
import { unavailable } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { referencesFrom } from "../definition/references.ts";
import { tombstone } from "./delete.ts";
import { uuidText } from "./documents.ts";
import { keysOf } from "./keys.ts";
import { ownPace } from "./pace.ts";
import { parentsOf, touchParents } from "./references.ts";
import { inTransaction } from "./transactions.ts";
import { nextVersionOf } from "./versions.ts";

const MAX_TIME_MS = 10_000;

export const isOfMarkers = (index: string): boolean => index.startsWith("_refs_pending");

/** Safe to repeat, after a crash as well. Driver errors are thrown. */
export async function mendEarlierMarkers(db: Db, collections: readonly Collection[], site: number): Promise<void> {
  const context = { db, site, all: new Map(collections.map((each) => [each.name, each])) };
  for (let changed = true; changed; ) {
    changed = false;
    // again while anything changes: what a record refers to may have been buried after it was looked at
    for (const collection of collections.filter((one) => referencesFrom(one).length > 0))
      for await (const record of db.collection(collection.name).find({ "_refs_pending.at": { $exists: true } }))
        if (!record._deleted_at && (await mend(context, collection, record))) changed = true;
  }
  const marked = { $or: [{ _refs_pending: { $exists: true } }, { _deleting: { $exists: true } }] };
  for (const { name } of collections)
    await db.collection(name).updateMany(marked, { $unset: { _refs_pending: "", _deleting: "" } });
}

interface MendContext {
  db: Db;
  site: number;
  all: ReadonlyMap<string, Collection>;
}

/** Leads references to records that are gone back to the newest value that is there. False when there is nothing to do. */
async function mend({ db, site, all }: MendContext, collection: Collection, record: Document): Promise<boolean> {
  const [ownerId, id] = [record._id[keysOf(collection).owner], record._id.id].map(uuidText) as [string, string];
  const isLiving = async (target: string, parent: Binary) => {
    const referred = all.get(target);
    if (!referred) return false;
    if (target === collection.name && uuidText(parent) === id) return true;
    return (await db.collection(target).findOne(keysOf(referred).one(ownerId, uuidText(parent)))) !== null;
  };
  const { before, fields, created } = record._refs_pending;
  const changes: Document = {};
  let isBuried = false;
  for (const { field, target } of referencesFrom(collection)) {
    if (!record[field] || (await isLiving(target, record[field]))) continue;
    const earlier: (Binary | null | undefined)[] = [before?.[field], ...(fields?.[field] ?? []).toReversed()];
    let found: Binary | null | undefined;
    for (const value of earlier)
      if (found === undefined && (value === null || (value && (await isLiving(target, value))))) found = value;
    if (found === undefined && created) isBuried = true;
    // a record that was surely there stays as it is when nothing better is known
    else if (found !== undefined || !collection.fields[field]?.required) changes[field] = found ?? null;
  }
  if (!isBuried && Object.keys(changes).length === 0) return false;

  const now = Date.now();
  const set = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, { $literal: value }]));
  const update = isBuried
    ? tombstone(collection, site, now)
    : [{ $set: { ...set, version: nextVersionOf(site, now), updated_at: new Date(now) } }];
  const texts = Object.entries(changes).map(([name, value]) => [name, value && uuidText(value)]);
  const parents = isBuried ? [] : parentsOf(collection, id, Object.fromEntries(texts));
  const context = { db, all, userId: ownerId, maxTimeMs: MAX_TIME_MS, pace: ownPace };
  await inTransaction(context, async (options) => {
    const seen = { _id: record._id, version: record.version, _deleted_at: null };
    const { matchedCount } = await db.collection(collection.name).updateOne(seen, update, options());
    return matchedCount === 1
      ? touchParents(context, collection, parents, options)
      : err(unavailable("It has changed meanwhile."));
  });
  return true;
}
