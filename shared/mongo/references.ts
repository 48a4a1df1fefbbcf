/**
 * References without foreign keys and without transactions. A check before the write is not enough: create a child and
 * delete its parent at once, and both checks pass. So the child is written first and then looks at its parents, while a
 * deletion first marks the parent and then looks for children: at least one of the two sees the other.
 *
 *   writer    write the child with `_refs_pending`    look at each parent    missing: take the write back
 *   deleter   mark the parent with `_deleting`        look for children      found: take the mark away
 *
 * `_refs_pending` = {token, at, created, fields, before}: `fields` holds what the references were and `before` everything
 * that the update changed, so that a write that fails, or whose process dies, can be taken back (`settle.ts` does the
 * latter). A successful write leaves the marker:
 * clearing it would cost a call; it is settled later in the background.
 */
import type { Db, Document, Collection as Stored } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../collections/define.ts";
import { type ReferenceField, referencesFrom } from "../collections/references.ts";
import { invalid, type RepositoryError, unavailable } from "../contract/errors.ts";
import { homeId, type Row } from "./documents.ts";
import { nextVersionOf } from "./versions.ts";

/** A mark that is older belongs to a process that died: a deletion takes far less. */
export const STALE_MARK_MS = 10_000;
const WAIT_MS = 1_000;
const POLL_MS = 25;

export interface ReferenceContext {
  db: Db;
  userId: string;
  now: () => number;
  maxTimeMs: number;
}

export interface Target extends ReferenceField {
  id: string;
}

/** The references that these values set. */
export const targetsOf = (collection: Collection, values: Row): Target[] =>
  referencesFrom(collection).flatMap((reference) => {
    const id = values[reference.field];
    return typeof id === "string" ? [{ ...reference, id }] : [];
  });

/** The marker of a create that sets references. */
export const createMarker = (token: string, now: number): Document => ({
  token,
  at: new Date(now),
  created: true,
  fields: {},
});

/** The marker of an update, as an expression: what an earlier, unsettled one remembers of a reference is older and stays. */
export const updateMarker = (
  token: string,
  now: number,
  references: readonly string[],
  changed: readonly string[],
): Document => ({
  token,
  at: new Date(now),
  created: { $ifNull: ["$_refs_pending.created", false] },
  fields: {
    $mergeObjects: [
      Object.fromEntries(references.map((field) => [field, `$${field}`])),
      { $ifNull: ["$_refs_pending.fields", {}] },
    ],
  },
  before: Object.fromEntries(changed.map((name) => [name, `$${name}`])),
});

/** Looks at each parent; `invalid_reference` names those that are not there. One call each. */
export async function lookAtParents(
  context: ReferenceContext,
  targets: readonly Target[],
): Promise<Result<void, RepositoryError>> {
  const states = await Promise.all(targets.map((target) => parentState(context, target)));
  if (states.includes("being deleted"))
    return err(unavailable("A record that this one refers to is being deleted. Try again."));
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

type ParentState = "there" | "missing" | "being deleted";

/** A parent that is just being deleted is waited for: the deletion may find a child and let it live. */
async function parentState(context: ReferenceContext, { target, id }: Target): Promise<ParentState> {
  const parents = context.db.collection(target);
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const parent = await parents.findOne(
      { _id: homeId(context.userId, id) as never, _deleted_at: null },
      { projection: { _deleting: 1 }, maxTimeMS: context.maxTimeMs },
    );
    if (!parent) return "missing";
    if (!parent._deleting) return "there";
    if (context.now() - parent._deleting.at.getTime() > STALE_MARK_MS) await removeMark(parents, parent);
    else if (Date.now() > until) return "being deleted";
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Takes a mark away, if it is still that one: its owner's last step then finds it gone and deletes nothing. */
export async function removeMark(parents: Stored, parent: Document): Promise<void> {
  await parents.updateOne(
    { _id: parent._id, "_deleting.token": parent._deleting.token },
    { $unset: { _deleting: "" } },
  );
}

/** Takes a create back. A tombstone stays, so that versions under this id go on rising; it remembers no request. */
export async function undoCreate(children: Stored, id: Document, token: string, now: number): Promise<void> {
  await children.updateOne({ _id: id as never, "_refs_pending.token": token }, [
    { $replaceWith: { _id: "$_id", version: nextVersionOf(now), _deleted_at: new Date(now), create_hash: null } },
  ]);
}

/**
 * Takes an update back: all of it, the version included, as if it had never been; unless somebody has changed the record
 * since, then only its references, under a newer version. The marker stays for an earlier update that is not settled.
 */
export async function undoUpdate(
  children: Stored,
  written: Document,
  references: readonly string[],
  now: number,
): Promise<void> {
  const { token, before } = written._refs_pending;
  const mine = { _id: written._id as never, "_refs_pending.token": token };
  const restored = Object.fromEntries(Object.keys(before).map((name) => [name, `$_refs_pending.before.${name}`]));
  const { matchedCount } = await children.updateOne({ ...mine, version: written.version }, [
    { $set: restored },
    { $unset: ["_refs_pending.before"] },
  ]);
  if (matchedCount === 0) await undoReferences(children, written._id, token, references, now);
}

/** Takes references back to what they were before the marker's update; the record's other fields stay. */
export async function undoReferences(
  children: Stored,
  id: Document,
  token: string,
  references: readonly string[],
  now: number,
): Promise<void> {
  const previous = Object.fromEntries(references.map((field) => [field, `$_refs_pending.fields.${field}`]));
  await children.updateOne({ _id: id as never, "_refs_pending.token": token }, [
    { $set: { ...previous, version: nextVersionOf(now), updated_at: new Date(now) } },
    { $unset: ["_refs_pending"] },
  ]);
}
