/** Creates and updates: one call, and one look at each parent where references are set. */
import type { Document } from "mongodb";
import { Long, UUID } from "mongodb";
import { err, ok } from "neverthrow";
import type { Collection } from "../collections/define.ts";
import { referencesFrom } from "../collections/references.ts";
import { conflict, notFound } from "../contract/errors.ts";
import type { Answer, CreateOptions, WriteOptions } from "../contract/repository.ts";
import { nextVersion } from "../values/version.ts";
import { homeId, type Row, toFields, toFolded, toRecord } from "./documents.ts";
import type { Failpoint } from "./failpoints.ts";
import { isDuplicate } from "./failures.ts";
import {
  childOf,
  clearMarker,
  createMarker,
  lookAtParents,
  type ReferenceContext,
  storedTargets,
  targetsOf,
  updateMarker,
} from "./references.ts";
import { undoCreate, undoUpdate } from "./undo.ts";
import { nextVersionOf, searchTextOf } from "./versions.ts";

export interface WriteContext extends ReferenceContext {
  failpoint: Failpoint;
}

const DUPLICATE = conflict("duplicate", "There is a record with this id or unique key.");

/** `values` has been validated; all fields are there. */
export async function createRecord(
  context: WriteContext,
  collection: Collection,
  id: string,
  values: Row,
  { idempotencyHash }: CreateOptions,
): Answer<Row> {
  const records = context.db.collection(collection.name);
  const targets = targetsOf(collection, values);
  const token = crypto.randomUUID();
  const now = context.now();
  const at = new Date(now);
  const folded = toFolded(collection, values);
  const version = Long.fromNumber(nextVersion("mongodb", now));
  const document: Document = {
    _id: homeId(context.userId, id),
    ...toFields(collection, values),
    version,
    created_at: at,
    updated_at: at,
    create_hash: idempotencyHash ?? null,
    ...(collection.search.length > 0 && {
      _folded: folded,
      search_text: Object.values(folded)
        .filter((text) => text !== null)
        .join("\n"),
    }),
    ...(targets.length > 0 && { _refs_pending: createMarker(token, now, version) }),
  };
  try {
    await records.insertOne(document as never, { maxTimeMS: context.maxTimeMs });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    const taken = await idTaken(context, collection, id, document, idempotencyHash);
    if (taken) return taken;
  }
  await context.failpoint("create:inserted");
  const holds =
    targets.length === 0 ? ok(undefined) : await lookAtParents(context, childOf(collection.name, document), targets);
  if (holds.isOk()) return ok(toRecord(collection, context.userId, document));
  const isUndone = await undoCreate(context, collection, document._id, token);
  const settled = isUndone ? null : await records.findOne(living(context, id), { maxTimeMS: context.maxTimeMs });
  // somebody else has seen the references hold, and settled it
  return settled && !settled._refs_pending ? ok(toRecord(collection, context.userId, settled)) : err(holds.error);
}

/**
 * The answer to a create whose id or unique key is taken; undefined when there was a tombstone, which the document has
 * replaced, with a version above it. The server's error does not always say which key it was, so the id is looked up.
 */
async function idTaken(
  context: WriteContext,
  collection: Collection,
  id: string,
  document: Document,
  hash: string | undefined,
): Promise<Awaited<Answer<Row>> | undefined> {
  const records = context.db.collection(collection.name);
  const present = await records.findOne({ _id: homeId(context.userId, id) as never }, { maxTimeMS: context.maxTimeMs });
  if (!present) return err(DUPLICATE);
  const isRepeat = hash !== undefined && typeof present.create_hash === "string";
  if (isRepeat && present.create_hash !== hash)
    return err(conflict("idempotency_mismatch", "This idempotency key was used with another body. Use a new key."));
  if (!present._deleted_at && !isRepeat) return err(DUPLICATE);
  if (!present._deleted_at)
    return (await repeated(context, collection, present)) ?? idTaken(context, collection, id, document, hash);
  if (isRepeat) return err(conflict("deleted", "The record that this request created has been deleted."));
  document.version = Long.fromNumber(nextVersion("mongodb", context.now(), Number(present.version)));
  if (document._refs_pending) {
    const { token, at } = document._refs_pending;
    document._refs_pending = createMarker(token, at.getTime(), document.version, present.create_hash ?? null);
  }
  try {
    const { matchedCount } = await records.replaceOne(
      { _id: document._id as never, version: present.version, _deleted_at: { $ne: null } },
      document,
      { maxTimeMS: context.maxTimeMs },
    );
    // another create was faster
    return matchedCount === 1 ? undefined : idTaken(context, collection, id, document, hash);
  } catch (error) {
    if (isDuplicate(error)) return err(DUPLICATE);
    throw error;
  }
}

/**
 * The record of an earlier request, which may still be looking at the parents, and take it back: they must be seen to hold.
 * Undefined when it has changed meanwhile.
 */
async function repeated(
  context: WriteContext,
  collection: Collection,
  present: Document,
): Promise<Awaited<Answer<Row>> | undefined> {
  if (present._refs_pending?.created) {
    const holds = await lookAtParents(context, childOf(collection.name, present), storedTargets(collection, present));
    if (holds.isErr()) return err(holds.error);
    if (!(await clearMarker(context, collection.name, present))) return undefined;
  }
  return ok(toRecord(collection, context.userId, present));
}

const living = ({ userId }: WriteContext, id: string) => ({ _id: homeId(userId, id) as never, _deleted_at: null });

/** `values` has been validated; only the fields that change. */
export async function updateRecord(
  context: WriteContext,
  collection: Collection,
  id: string,
  values: Row,
  { expectedVersion }: WriteOptions,
): Answer<Row> {
  const records = context.db.collection(collection.name);
  const target = living(context, id);
  const targets = targetsOf(collection, values);
  // those that the update empties, too: taken back, they lead to their records again
  const touched = referencesFrom(collection)
    .map(({ field }) => field)
    .filter((field) => Object.hasOwn(values, field));
  const references = targets.length === 0 ? [] : touched;
  let updated: Document | null;
  try {
    updated = await records.findOneAndUpdate(
      expectedVersion === undefined ? target : { ...target, version: Long.fromNumber(expectedVersion) },
      changes(context, collection, values, references),
      { returnDocument: "after", maxTimeMS: context.maxTimeMs },
    );
  } catch (error) {
    if (isDuplicate(error)) return err(DUPLICATE);
    throw error;
  }
  if (!updated) {
    const there = expectedVersion !== undefined && (await records.findOne(target, { maxTimeMS: context.maxTimeMs }));
    return err(
      there ? conflict("version_mismatch", "The record has changed. Read it again and repeat the change.") : notFound(),
    );
  }
  await context.failpoint("update:written");
  const holds =
    targets.length === 0 ? ok(undefined) : await lookAtParents(context, childOf(collection.name, updated), targets);
  if (holds.isOk()) return ok(toRecord(collection, context.userId, updated));
  await undoUpdate(context, collection, updated);
  return err(holds.error);
}

/** The update as a pipeline. Every value is a literal: pipelines read strings that begin with `$` as expressions. */
function changes(
  context: WriteContext,
  collection: Collection,
  values: Row,
  references: readonly string[],
): Document[] {
  const now = context.now();
  const set: Document = {};
  for (const [name, value] of Object.entries(toFields(collection, values))) set[name] = { $literal: value };
  const folded = Object.entries(toFolded(collection, values));
  for (const [name, text] of folded) set[`_folded.${name}`] = { $literal: text };
  if (references.length > 0) {
    const changed = [...Object.keys(toFields(collection, values)), "version", "updated_at"];
    if (folded.length > 0) changed.push("_folded", "search_text");
    set._refs_pending = updateMarker(crypto.randomUUID(), now, references, changed);
  }
  return [
    { $set: { ...set, version: nextVersionOf(now), updated_at: new Date(now) } },
    ...(folded.length > 0 ? [{ $set: { search_text: searchTextOf(collection.search) } }] : []),
    ...(references.length > 0 ? [{ $set: { "_refs_pending.version": "$version" } }] : []),
  ];
}

export const isId = (id: string): boolean =>
  UUID.isValid(id) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
