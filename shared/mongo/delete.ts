/** Deletion: a tombstone in place of the document, so that a truncated read never looks like one. */
import type { Document } from "mongodb";
import { err, ok } from "neverthrow";
import type { Collection } from "../collections/define.ts";
import { type ReferenceField, referencesTo } from "../collections/references.ts";
import { busy, conflict, notFound, type RepositoryError } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import { homeId, uuidText } from "./documents.ts";
import type { Failpoint } from "./failpoints.ts";
import { livingOf } from "./queries.ts";
import {
  childOf,
  clearMarker,
  lookAtParents,
  type ReferenceContext,
  removeMark,
  STALE_MARK_MS,
  storedTargets,
} from "./references.ts";
import { nextVersionOf } from "./versions.ts";

export interface DeleteContext extends ReferenceContext {
  failpoint: Failpoint;
}

/** What replaces the document. */
const tombstone = (now: number): Document[] => [
  {
    $replaceWith: {
      _id: "$_id",
      version: nextVersionOf(now),
      _deleted_at: new Date(now),
      create_hash: { $ifNull: ["$create_hash", null] },
    },
  },
];

const TRIES = 5;

export async function deleteRecord(
  context: DeleteContext,
  collection: Collection,
  id: string,
  expectedVersion?: number,
): Answer<void> {
  const records = context.db.collection(collection.name);
  const living = { _id: homeId(context.userId, id) as never, _deleted_at: null };
  const guarded = expectedVersion === undefined ? living : { ...living, version: expectedVersion };
  const options = { maxTimeMS: context.maxTimeMs };
  const children = referencesTo(collection.name, context.all);

  if (children.length === 0) {
    const { matchedCount } = await records.updateOne(guarded, tombstone(context.now()), options);
    return matchedCount === 1 ? ok(undefined) : err(await missOf(context, collection, id));
  }

  for (let attempt = 0; attempt < TRIES; attempt++) {
    const token = crypto.randomUUID();
    const stale = new Date(context.now() - STALE_MARK_MS);
    // one deletion at a time: a fresh mark of another is waited for below
    const free = { $or: [{ _deleting: null }, { "_deleting.at": { $lt: stale } }] };
    const marked = await records.findOneAndUpdate(
      { ...guarded, ...free },
      { $set: { _deleting: { token, at: new Date(context.now()) } } },
      { ...options, returnDocument: "after" },
    );
    if (!marked) {
      const miss = await missOf(context, collection, id, expectedVersion);
      if (miss) return err(miss);
      await new Promise((resolve) => setTimeout(resolve, 25));
      continue;
    }
    await context.failpoint("delete:marked");
    if (await hasChildren(context, children, id)) {
      await removeMark(context, collection.name, marked);
      return err(conflict("referenced", "Other records refer to this one. Delete or change them first."));
    }
    await context.failpoint("delete:looked");
    const { matchedCount } = await records.updateOne(
      { ...living, "_deleting.token": token, version: marked.version },
      tombstone(context.now()),
      options,
    );
    if (matchedCount === 1) return ok(undefined);
    // changed meanwhile, or taken for dead: the mark goes, and the new version is looked at
    await removeMark(context, collection.name, marked);
  }
  return err(busy("This record is in use at the moment. Try again."));
}

function missOf(context: DeleteContext, collection: Collection, id: string): Promise<RepositoryError>;
function missOf(
  context: DeleteContext,
  collection: Collection,
  id: string,
  expectedVersion: number | undefined,
): Promise<RepositoryError | undefined>;
/** Why a guarded write matched nothing; undefined when only another deletion is in the way. */
async function missOf(
  { db, userId, maxTimeMs }: DeleteContext,
  { name }: Collection,
  id: string,
  ...expected: [(number | undefined)?]
): Promise<RepositoryError | undefined> {
  const found = await db
    .collection(name)
    .findOne(
      { _id: homeId(userId, id) as never, _deleted_at: null },
      { projection: { version: 1 }, maxTimeMS: maxTimeMs },
    );
  if (!found) return notFound();
  if (expected.length > 0 && (expected[0] === undefined || Number(found.version) === expected[0])) return undefined;
  return conflict("version_mismatch", "The record has changed. Read it again and repeat the change.");
}

/** Looks in every referencing collection, also for references that an unsettled update has left. One call each. */
async function hasChildren(
  context: DeleteContext,
  references: readonly ReferenceField[],
  id: string,
): Promise<boolean> {
  const found = await Promise.all(references.map((reference) => hasChild(context, reference, id)));
  return found.includes(true);
}

async function hasChild(
  context: DeleteContext,
  { collection, field, target: own }: ReferenceField,
  id: string,
): Promise<boolean> {
  const parent = homeId(context.userId, id);
  const target = parent.id;
  // a record that refers to itself is no child that would be left behind
  const living = { ...livingOf(context.userId), ...(collection === own && { _id: { $ne: parent } }) };
  const was = { "_refs_pending.at": { $exists: true }, [`_refs_pending.fields.${field}`]: target };
  // not one filter with $or, for which DocumentDB reads all of the owner's documents. In this order: a child that is led
  // elsewhere and back between the two reads keeps its marker
  const look = [
    { $match: { ...living, [field]: target } },
    { $limit: 1 },
    { $unionWith: { coll: collection, pipeline: [{ $match: { ...living, ...was } }, { $limit: 1 }] } },
  ];
  for (;;) {
    const found = await context.db.collection(collection).aggregate(look, { maxTimeMS: context.maxTimeMs }).toArray();
    if (found.some((child) => child[field] && uuidText(child[field]) === uuidText(target))) return true;
    const [left] = found;
    if (!left) return false;
    if (!(await letGo(context, collection, left))) return true;
  }
}

/** An update led the child elsewhere: once the new parent is seen, the old one is free. */
async function letGo(context: DeleteContext, name: string, child: Document): Promise<boolean> {
  const definition = context.all.find((collection) => collection.name === name);
  if (!definition) return false;
  const holds = await lookAtParents(context, childOf(name, child), storedTargets(definition, child));
  if (holds.isOk()) await clearMarker(context, name, child);
  return holds.isOk();
}
