/**
 * References without foreign keys. A look before the write is not enough: create a child and delete its parent at once, and
 * both looks find nothing wrong. Nor are transactions alone, each of which reads from before the other. So both sides
 * *write* the parent, and of the two the later is refused and begins again:
 *
 *   a record that refers   write the record              touch each parent, which has to be living
 *   a deletion             look for living children      turn the record into a tombstone
 *
 * A touch is all but invisible: `version` and `updated_at` stay. It comes last, because two children of one parent are in
 * each other's way while it lasts.
 */

import { type Document, UUID } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { type ReferenceField, referencesFrom } from "../definition/references.ts";
import { missingReferences } from "../repository/refusals.ts";
import type { Row } from "../repository/store.ts";
import { keysOf } from "./keys.ts";
import type { WriteLimits } from "./pace.ts";
import type { CallOptions } from "./transactions.ts";

export interface ReferenceContext extends WriteLimits {
  userId: string;
  /** every collection that is kept here, by name */
  all: ReadonlyMap<string, Collection>;
}

export interface Parent extends ReferenceField {
  id: string;
}

/** Names a record among all of them. */
export const recordKey = ({ userId }: ReferenceContext, { target, id }: Pick<Parent, "target" | "id">): string =>
  `${target} ${userId} ${id}`;

/** What a record with these values refers to; itself left out, which its own write holds. */
export const parentsOf = (collection: Collection, id: string, values: Row): Parent[] =>
  referencesFrom(collection).flatMap((reference) => {
    const parent = values[reference.field];
    const isItself = reference.target === collection.name && parent === id;
    return typeof parent === "string" && !isItself ? [{ ...reference, id: parent }] : [];
  });

/** One call for each parent of a record; `invalid_reference` names those that are not there. */
export async function touchParents(
  context: ReferenceContext,
  collection: Collection,
  parents: readonly Parent[],
  options: CallOptions,
): Promise<Result<void, RepositoryError>> {
  const keyOf = (parent: Parent) => recordKey(context, parent);
  // in one order for all, or two that touch the same parents wait for each other in DocumentDB
  const inOrder = new Map(
    parents.map((parent) => [keyOf(parent), parent] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const missing = new Set<string>();
  for (const [key, { target, id }] of inOrder) {
    const living = keysOf(known(context, target)).one(context.userId, id);
    // a counter, because setting what is there already is no write to MongoDB
    const { matchedCount } = await context.db
      .collection(target)
      .updateOne(living, { $inc: { _touched: 1 } }, options());
    if (matchedCount === 0) missing.add(key);
  }
  if (missing.size === 0) return ok(undefined);
  const fields = parents.filter((parent) => missing.has(keyOf(parent))).map(({ field }) => field);
  return err(missingReferences(collection, fields));
}

/** Whether any living record refers to this one, but itself: all collections that may, in one call. */
export async function hasChildren(
  context: ReferenceContext,
  references: readonly ReferenceField[],
  id: string,
  options: CallOptions,
): Promise<boolean> {
  const { db, userId } = context;
  const looks = references.map(({ collection, field, target }) => {
    const keys = keysOf(known(context, collection));
    const isOther = collection === target ? { _id: { $ne: keys.key(userId, id) } } : {};
    const look: Document[] = [
      { $match: { ...keys.living(userId), [field]: new UUID(id), ...isOther } },
      { $limit: 1 },
      { $project: { _id: 1 } },
    ];
    return { coll: collection, pipeline: look };
  });
  const [first, ...others] = looks;
  if (!first) return false;
  const pipeline = [...first.pipeline, ...others.map((look) => ({ $unionWith: look }))];
  return (await db.collection(first.coll).aggregate(pipeline, options()).toArray()).length > 0;
}

function known({ all }: ReferenceContext, name: string): Collection {
  const collection = all.get(name);
  if (!collection) throw new Error(`the collection ${name} is referred to, and not kept here`);
  return collection;
}
