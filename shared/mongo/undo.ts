/** Takes writes back whose references do not hold. Every step is guarded by the marker's token (see references.ts). */
import type { Binary, Document } from "mongodb";
import type { Collection } from "../collections/define.ts";
import { uuidText } from "./documents.ts";
import { childOf, type ParentState, parentState, type ReferenceContext, storedTargets } from "./references.ts";
import { nextVersionOf } from "./versions.ts";

/**
 * Takes a create back; false when it is settled by now, or was taken back already. A tombstone stays, so that versions
 * under this id go on rising; it remembers only the request of the tombstone that was there before.
 */
export async function undoCreate(
  { db, now, maxTimeMs }: ReferenceContext,
  { name }: Collection,
  id: Document,
  token: string,
): Promise<boolean> {
  const tombstone = {
    _id: "$_id",
    version: nextVersionOf(now()),
    _deleted_at: new Date(now()),
    create_hash: { $ifNull: ["$_refs_pending.hash", null] },
  };
  const { matchedCount } = await db
    .collection(name)
    .updateOne({ _id: id as never, "_refs_pending.token": token }, [{ $replaceWith: tombstone }], {
      maxTimeMS: maxTimeMs,
    });
  return matchedCount === 1;
}

/**
 * Takes an update back: all of it, the version included, as if it had never been; unless somebody has changed the record
 * since, then only the references that do not hold.
 */
export async function undoUpdate(context: ReferenceContext, collection: Collection, written: Document): Promise<void> {
  const children = context.db.collection(collection.name);
  const { token, version, before, earlier } = written._refs_pending;
  const untouched = {
    _id: written._id as never,
    "_refs_pending.token": token,
    "_refs_pending.before": { $type: "object" },
    version,
  };
  // DocumentDB computes and validates the new document even of one that has just ceased to match: it has to come out whole
  const isMine = {
    $and: [{ $eq: ["$_refs_pending.token", token] }, { $eq: [{ $type: "$_refs_pending.before" }, "object"] }],
  };
  const restored = Object.keys(before).map((name) => [
    name,
    { $cond: [isMine, `$_refs_pending.before.${name}`, `$${name}`] },
  ]);
  // a marker stays, so that a deletion that has not seen what the reference is now sees what it was
  const settled = { fields: "$_refs_pending.fields", before: null, earlier: null };
  const marker = {
    $mergeObjects: ["$_refs_pending", { $ifNull: ["$_refs_pending.earlier", {}] }, settled],
  };
  const { matchedCount } = await children.updateOne(
    untouched,
    [
      {
        $set: {
          ...Object.fromEntries(restored),
          _refs_pending: { $cond: [isMine, marker, "$_refs_pending"] },
        },
      },
    ],
    { maxTimeMS: context.maxTimeMs },
  );
  // what was before may come from another update that is just being taken back
  if (matchedCount === 0 || earlier) await repairReferences(context, collection, written._id, [token, earlier?.token]);
}

/**
 * Leads references to records that are not there back to the newest value known that is. A document that was just being
 * created and has none was never rightly there. `gone` are the states that count as not there. False when it cannot be
 * told now.
 */
export async function repairReferences(
  context: ReferenceContext,
  collection: Collection,
  id: Document,
  tokens: readonly string[],
  gone: readonly ParentState[] = ["missing"],
): Promise<boolean> {
  const children = context.db.collection(collection.name);
  const child = await children.findOne({ _id: id as never, _deleted_at: null }, { maxTimeMS: context.maxTimeMs });
  // settled, or another's by now
  if (!child?._refs_pending || !tokens.includes(child._refs_pending.token)) return true;
  const { token, fields, before, created } = child._refs_pending;
  const asking = [childOf(collection.name, child)];
  const changes: Document = {};
  for (const { field, target, id: parent } of storedTargets(collection, child)) {
    const stateOf = (value: string) => parentState(context, { target, id: value }, asking);
    const state = await stateOf(parent);
    if (state === "there") continue;
    if (!gone.includes(state)) return false;
    const last = before && Object.hasOwn(before, field) ? [before[field]] : [];
    const found = await newest([...last, ...(fields[field] ?? []).toReversed()], gone, stateOf);
    // its deletion may find this very record, and let it live
    if (found === "unsure") return false;
    if (found) changes[field] = { $literal: found.value };
    else if (created) return undoCreate(context, collection, id, token);
    // one that is surely there has had a parent, which its deletion has seen in the marker: it comes back
    else if (collection.fields[field]?.required) return false;
    else changes[field] = null;
  }
  if (Object.keys(changes).length === 0) return true;
  await children.updateOne(
    { _id: id as never, "_refs_pending.token": token, version: child.version },
    [{ $set: { ...changes, version: nextVersionOf(context.now()), updated_at: new Date(context.now()) } }],
    { maxTimeMS: context.maxTimeMs },
  );
  return true;
}

/** The first of these values that a reference can have. */
async function newest(
  values: readonly (Binary | null)[],
  gone: readonly ParentState[],
  stateOf: (id: string) => Promise<ParentState>,
): Promise<{ value: Binary | null } | "unsure" | undefined> {
  for (const value of values) {
    const state = value === null ? "there" : await stateOf(uuidText(value));
    if (gone.includes(state)) continue;
    return state === "there" ? { value } : "unsure";
  }
  return undefined;
}
