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
 *
 * What the parent has to be beside living (an expense's category one for expenses) is in the filter of the touch. And what
 * children rely on, the parent changes like a deletion: it looks for living children, and writes itself (fixed-fields.ts).
 */

import { type Document, UUID } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { type ReferenceField, referencesFrom } from "../definition/references.ts";
import { missingReferences, tooManyDecimals, unfitReference } from "../repository/refusals.ts";
import type { Row } from "../repository/store.ts";
import { decimalsIn } from "../values/money.ts";
import { keysOf } from "./keys.ts";
import type { WriteLimits } from "./pace.ts";
import { coarserThan } from "./rules.ts";
import type { CallOptions } from "./transactions.ts";

export interface ReferenceContext extends WriteLimits {
  userId: string;
  /** every collection that is kept here, by name */
  all: ReadonlyMap<string, Collection>;
}

export interface Parent extends ReferenceField {
  id: string;
  /** an amount of the record, whose currency stands in that field of the parent */
  amount?: { field: string; value: string; currency: string } | undefined;
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

/** The parent by which a record's amounts have their currency, with the amount, once the record is written. */
export function currencyParent(collection: Collection, id: string, record: Row): Parent[] {
  const { money } = collection;
  if (!money || !("reference" in money.currency)) return [];
  const { reference, field: currency } = money.currency;
  const amount = { field: money.field, value: String(record[money.field]), currency };
  return parentsOf(collection, id, { [reference]: record[reference] }).map((parent) => ({ ...parent, amount }));
}

/** Whether a write of these values has to look at such a parent. */
export function needsCurrencyParent({ money }: Collection, values: Row): boolean {
  const amount = money && "reference" in money.currency ? values[money.field] : undefined;
  return typeof amount === "string" && coarserThan(decimalsIn(amount)).length > 0;
}

/**
 * One call for each parent of a record; `invalid_reference` names those that are not there, or the first that is none of
 * those that it may be.
 */
export async function touchParents(
  context: ReferenceContext,
  collection: Collection,
  parents: readonly Parent[],
  options: CallOptions,
): Promise<Result<void, RepositoryError>> {
  const keyOf = (parent: Parent) => recordKey(context, parent);
  // in one order for all, or two that touch the same parents wait for each other in DocumentDB
  const inOrder = [...new Set(parents.map(keyOf))].sort();
  const [missing, unfit]: [Parent[], Parent[]] = [[], []];
  for (const key of inOrder) {
    const same = parents.filter((parent) => keyOf(parent) === key);
    const [{ target, id }] = same as [Parent];
    const living = keysOf(known(context, target)).one(context.userId, id);
    const conditions = same.flatMap(conditionsOn);
    const filter =
      conditions.length > 0 ? { ...living, $and: conditions.map((condition) => condition.filter) } : living;
    const records = context.db.collection(target);
    // a counter, because setting what is there already is no write to MongoDB
    const { matchedCount } = await records.updateOne(filter, { $inc: { _touched: 1 } }, options());
    if (matchedCount > 0) continue;
    const found = conditions.length > 0 ? await records.findOne(living, options()) : null;
    if (!found) missing.push(...same);
    else unfit.push(...same.filter((parent) => !conditionsOn(parent).every(({ holds }) => holds(found))));
  }
  if (missing.length > 0)
    return err(
      missingReferences(
        collection,
        missing.map(({ field }) => field),
      ),
    );
  // the one that Postgres names, whose triggers run by name
  const [first] = unfit.sort((a, b) => (a.field < b.field ? -1 : 1));
  if (!first) return ok(undefined);
  return err(first.amount ? tooManyDecimals(first.amount.field, first.field) : unfitReference(collection, first.field));
}

interface Condition {
  filter: Document;
  holds(found: Document): boolean;
}

/** What a parent has to be, beside living. */
function conditionsOn({ where = {}, amount }: Parent): Condition[] {
  const conditions = Object.entries(where).map(
    ([field, value]): Condition => ({
      filter: { [field]: value },
      holds: (found) => found[field] === value,
    }),
  );
  const coarser = amount ? coarserThan(decimalsIn(amount.value)) : [];
  if (!amount || coarser.length === 0) return conditions;
  const { currency } = amount;
  return [
    ...conditions,
    { filter: { [currency]: { $nin: coarser } }, holds: (found) => !coarser.includes(found[currency]) },
  ];
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
