/**
 * References without foreign keys and without transactions. A check before the write is not enough: create a child and
 * delete its parent at once, and both checks pass. So the child is written first and then looks at its parents, while a
 * deletion first marks the parent and then looks for children: at least one of the two sees the other.
 *
 *   writer    write the child with `_refs_pending`    look at each parent    missing: take the write back (undo.ts)
 *   deleter   mark the parent with `_deleting`        look for children      found: take the mark away (delete.ts)
 *
 * A successful write leaves its marker, because clearing it would cost a call; `settle.ts` does that later, and takes back
 * what a process that died has left. The marker:
 *
 *   token, at   whose it is
 *   version     of the document as this write left it
 *   created     true while it is not sure that the document may be there at all
 *   hash        of the request whose tombstone the document has replaced
 *   fields      of each reference, what it has been since the document was settled, the newest last: any of it may be what
 *               a write that is taken back leads to, so deletions count these, too
 *   before      everything that the update changed, as it was
 *   earlier     the marker that was there before the update
 */
import type { Db, Document, Long } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../collections/define.ts";
import { type ReferenceField, referencesFrom } from "../collections/references.ts";
import { busy, invalid, type RepositoryError } from "../contract/errors.ts";
import { type HomeId, homeId, type Row, uuidText } from "./documents.ts";

/** A mark that is older belongs to a process that died: a deletion takes far less. */
export const STALE_MARK_MS = 10_000;
const WAIT_MS = 1_000;
const POLL_MS = 25;

export interface ReferenceContext {
  db: Db;
  userId: string;
  now: () => number;
  maxTimeMs: number;
  all: readonly Collection[];
}

type Connection = Pick<ReferenceContext, "db" | "maxTimeMs">;

export interface Target extends ReferenceField {
  id: string;
}

/** The references that these values set. */
export const targetsOf = (collection: Collection, values: Row): Target[] =>
  referencesFrom(collection).flatMap((reference) => {
    const id = values[reference.field];
    return typeof id === "string" ? [{ ...reference, id }] : [];
  });

/** The marker of a create that sets references; `hash` is the one of a tombstone that the document replaces. */
export const createMarker = (token: string, now: number, version: Long, hash: string | null = null): Document => ({
  token,
  at: new Date(now),
  version,
  created: true,
  hash,
  fields: {},
});

/**
 * The marker of an update, as an expression. `$mergeObjects` around it: a plain object in `$set` would be merged with the
 * marker that is there. The version is filled in by a stage after the one that makes it.
 */
export const updateMarker = (
  token: string,
  now: number,
  references: readonly string[],
  changed: readonly string[],
): Document => {
  const paths = (names: readonly string[], prefix: string) =>
    Object.fromEntries(names.map((name) => [name, `${prefix}${name}`]));
  const isPending = { $eq: [{ $type: "$_refs_pending" }, "object"] };
  const kept = paths(["token", "at", "version", "created", "hash"], "$_refs_pending.");
  const marker = {
    token,
    at: new Date(now),
    created: { $ifNull: ["$_refs_pending.created", false] },
    hash: { $ifNull: ["$_refs_pending.hash", null] },
    fields: {
      $mergeObjects: [{ $ifNull: ["$_refs_pending.fields", {}] }, Object.fromEntries(references.map(valuesSoFar))],
    },
    before: paths(changed, "$"),
    earlier: { $cond: [isPending, kept, null] },
  };
  return { $mergeObjects: [marker] };
};

/** What a reference has been, each value once and the newest last, with what it is now. */
function valuesSoFar(field: string): [string, Document] {
  const value = `$${field}`;
  const known = { $ifNull: [`$_refs_pending.fields.${field}`, []] };
  return [field, { $concatArrays: [{ $filter: { input: known, cond: { $ne: ["$$this", value] } } }, [value]] }];
}

/** A record that waits to see its parents. */
export interface Child {
  collection: string;
  id: string;
}

/** The record that a document is, as a child. */
export const childOf = (collection: string, { _id }: Document): Child => ({
  collection,
  id: uuidText((_id as HomeId).id),
});

/** Looks at each parent of a child; `invalid_reference` names those that are not there. One call each. */
export async function lookAtParents(
  context: ReferenceContext,
  child: Child,
  targets: readonly Target[],
): Promise<Result<void, RepositoryError>> {
  const states = await parentStates(context, child, targets);
  if (states.includes("unsure") || states.includes("circle"))
    return err(busy("A record that this one refers to is being changed. Try again."));
  const missing = targets.filter((_, index) => states[index] === "missing");
  if (missing.length === 0) return ok(undefined);
  return err(
    invalid(
      "invalid_reference",
      "A record that this one refers to does not exist.",
      missing.map(({ field, target }) => ({
        field,
        code: "invalid_reference",
        message: `There is no record with this id in ${target}.`,
      })),
    ),
  );
}

/** `waiting` are the children that wait for this one, because records may refer to each other in a circle. */
export const parentStates = (
  context: ReferenceContext,
  child: Child,
  targets: readonly Target[],
  waiting: readonly Child[] = [],
): Promise<ParentState[]> => Promise.all(targets.map((target) => parentState(context, target, [...waiting, child])));

/** circle: being created, and waiting for whoever asks */
export type ParentState = "there" | "missing" | "unsure" | "circle";

/**
 * Whether a record can be referred to. One that is just being deleted is waited for: the deletion may find a child and let
 * it live. So is one whose own creation is not sure yet, unless its references can be seen to hold. `waiting` are the
 * child that asks, last, and those that wait for it; a record holds its reference to itself.
 */
export async function parentState(
  context: ReferenceContext,
  { target, id }: Pick<Target, "target" | "id">,
  waiting: readonly Child[],
): Promise<ParentState> {
  const isParent = (child: Child) => child.collection === target && child.id === id;
  if (waiting.slice(-1).some(isParent)) return "there";
  const parents = context.db.collection(target);
  const until = Date.now() + WAIT_MS;
  const isOver = () => Date.now() > until;
  for (;;) {
    const parent = await parents.findOne(
      { _id: homeId(context.userId, id) as never, _deleted_at: null },
      { maxTimeMS: context.maxTimeMs },
    );
    if (!parent) return "missing";
    if (!parent._deleting && !parent._refs_pending?.created) return "there";
    if (!parent._deleting && waiting.some(isParent)) return "circle";
    if (parent._deleting) {
      if (context.now() - parent._deleting.at.getTime() > STALE_MARK_MS) {
        await removeMark(context, target, parent);
        continue;
      }
      if (isOver()) return "unsure";
    } else {
      const states = await statesAbove(context, target, parent, waiting);
      if (states.every((state) => state === "there")) {
        await clearMarker(context, target, parent);
        continue;
      }
      if (isOver()) return states.every((state) => state === "there" || state === "circle") ? "circle" : "unsure";
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The states of the records that a parent itself refers to. */
async function statesAbove(
  context: ReferenceContext,
  name: string,
  parent: Document,
  waiting: readonly Child[],
): Promise<ParentState[]> {
  const definition = context.all.find((collection) => collection.name === name);
  if (!definition) return ["unsure"];
  return parentStates(context, childOf(name, parent), storedTargets(definition, parent), waiting);
}

/** The references that a document makes. */
export const storedTargets = (collection: Collection, document: Document): Target[] =>
  referencesFrom(collection).flatMap((reference) => {
    const id = document[reference.field];
    return id ? [{ ...reference, id: uuidText(id) }] : [];
  });

/**
 * Settles a document whose references have been seen to hold; from now on its writer finds nothing to take back. False when
 * it has changed since: what was seen may not be what it refers to now.
 */
export async function clearMarker({ db, maxTimeMs }: Connection, name: string, child: Document): Promise<boolean> {
  const seen = { _id: child._id as never, "_refs_pending.token": child._refs_pending.token, version: child.version };
  const { matchedCount } = await db
    .collection(name)
    .updateOne(seen, { $unset: { _refs_pending: "" } }, { maxTimeMS: maxTimeMs });
  return matchedCount === 1;
}

/** Takes a mark away, if it is still that one: its owner's last step then finds it gone and deletes nothing. */
export async function removeMark({ db, maxTimeMs }: Connection, name: string, parent: Document): Promise<void> {
  const marked = { _id: parent._id as never, "_deleting.token": parent._deleting.token };
  await db.collection(name).updateOne(marked, { $unset: { _deleting: "" } }, { maxTimeMS: maxTimeMs });
}
