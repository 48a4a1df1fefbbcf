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
export async function undoUpdate(
  context: ReferenceContext,
  collection: Collection,
  written: Document,
  gone?: readonly ParentState[],
): Promise<void> {
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
  if (matchedCount === 0 || earlier)
    await repairReferences(context, collection, written._id, {
      tokens: [token, earlier?.token],
      refused: written,
      gone,
    });
}

interface Repair {
  /** the markers of those who ask: what other writers have written since is theirs to judge */
  tokens: readonly string[];
  /** the document as a write left it that is taken back: its references go, also from behind another's marker */
  refused?: Document;
  /** the states that count as not there */
  gone?: readonly ParentState[] | undefined;
}

/**
 * Leads references to records that are not there back to the newest value known that is. A document that was just being
 * created and has none was never rightly there. False when it cannot be told of all of them now.
 */
export async function repairReferences(
  context: ReferenceContext,
  collection: Collection,
  id: Document,
  { tokens, refused, gone = ["missing"] }: Repair,
): Promise<boolean> {
  const children = context.db.collection(collection.name);
  const child = await children.findOne({ _id: id as never, _deleted_at: null }, { maxTimeMS: context.maxTimeMs });
  if (!child?._refs_pending) return true;
  const { token, fields, before, created } = child._refs_pending;
  const isMine = tokens.includes(token);
  const wasRefused = (field: string, value: string) => {
    const written = refused?.[field];
    const isMyOwn = written && Object.hasOwn(refused._refs_pending.before, field) && uuidText(written) === value;
    return isMyOwn && !(before && Object.hasOwn(before, field));
  };
  const asking = [childOf(collection.name, child)];
  let isSure = true;
  const changes: Document = {};
  for (const { field, target, id: parent } of storedTargets(collection, child)) {
    if (!isMine && !wasRefused(field, parent)) continue;
    const stateOf = (value: string) => parentState(context, { target, id: value }, asking);
    const state = await stateOf(parent);
    if (state === "there") continue;
    if (!gone.includes(state)) {
      isSure = false;
      continue;
    }
    const last = before && Object.hasOwn(before, field) ? [before[field]] : [];
    const found = await newest([...last, ...(fields[field] ?? []).toReversed()], gone, stateOf);
    if (found === undefined && created && isMine) return undoCreate(context, collection, id, token);
    // unsure: its deletion may find this very record, and let it live. Not found: a record that is surely there has had a
    // parent, which a deletion has seen in the marker; it comes back
    if (found === "unsure" || (found === undefined && (created || collection.fields[field]?.required))) isSure = false;
    else changes[field] = found === undefined ? null : { $literal: found.value };
  }
  if (Object.keys(changes).length === 0) return isSure;
  await children.updateOne(
    { _id: id as never, "_refs_pending.token": token, version: child.version },
    [{ $set: { ...changes, version: nextVersionOf(context.now()), updated_at: new Date(context.now()) } }],
    { maxTimeMS: context.maxTimeMs },
  );
  return isSure;
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
