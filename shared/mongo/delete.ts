/** Deletion: a tombstone in place of the document, so that a truncated read never looks like one. */
import type { Document } from "mongodb";
import { err, ok } from "neverthrow";
import { conflict, notFound } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { referencesTo } from "../definition/references.ts";
import { homeId } from "./documents.ts";
import { hasChildren, type ReferenceContext, recordKey } from "./references.ts";
import { type CallOptions, inTransaction } from "./transactions.ts";
import { inTurn } from "./turns.ts";
import { nextVersionOf } from "./versions.ts";

export interface DeleteContext extends ReferenceContext {
  now: () => number;
  all: readonly Collection[];
}

/** What replaces the document. */
export const tombstone = (now: number): Document[] => [
  {
    $replaceWith: {
      _id: "$_id",
      version: nextVersionOf(now),
      _deleted_at: new Date(now),
      create_hash: { $ifNull: ["$create_hash", null] },
    },
  },
];

const REFERENCED = conflict("referenced", "Other records refer to this one. Delete or change them first.");
const VERSION_MISMATCH = conflict("version_mismatch", "The record has changed. Read it again and repeat the change.");

/** A transaction where others may refer, else one call. */
export async function deleteRecord(
  context: DeleteContext,
  collection: Collection,
  id: string,
  expectedVersion?: number,
): Answer<void> {
  const records = context.db.collection(collection.name);
  const living = { _id: homeId(context.userId, id) as never, _deleted_at: null };
  const guarded = expectedVersion === undefined ? living : { ...living, version: expectedVersion };
  const references = referencesTo(collection.name, context.all);

  const remove = async (options: CallOptions): Answer<void> => {
    const isReferenced = references.length > 0 && (await hasChildren(context, references, id, options));
    const { matchedCount } = isReferenced
      ? { matchedCount: 0 }
      : await records.updateOne(guarded, tombstone(context.now()), options());
    if (matchedCount === 1) return ok(undefined);
    const found = await records.findOne(living, { projection: { version: 1 }, ...options() });
    if (!found) return err(notFound());
    const isExpected = expectedVersion === undefined || Number(found.version) === expectedVersion;
    return err(isReferenced && isExpected ? REFERENCED : VERSION_MISMATCH);
  };
  return inTurn(context, [recordKey(context, { target: collection.name, id })], (maxTimeMs) =>
    references.length === 0
      ? remove(() => ({ maxTimeMS: maxTimeMs }))
      : inTransaction({ ...context, maxTimeMs }, remove),
  );
}
