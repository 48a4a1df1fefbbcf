/** Deletion: a tombstone in place of the document, so that a truncated read never looks like one. */

import type { Document } from "mongodb";
import { err, ok } from "neverthrow";
import { notFound } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import { referencesTo } from "../definition/references.ts";
import { REFERENCED, VERSION_MISMATCH } from "../repository/refusals.ts";
import { againstContention } from "./contention.ts";
import type { CallersFence } from "./fences.ts";
import { keysOf } from "./keys.ts";
import { hasChildren, type ReferenceContext, recordKey } from "./references.ts";
import { type CallOptions, inTransaction } from "./transactions.ts";
import { inTurn } from "./turns.ts";
import { dirtied } from "./unsent.ts";
import { nextVersionOf } from "./versions.ts";

export interface DeleteContext extends ReferenceContext {
  now: () => number;
  site: number;
  /** of a caller who is moving or has moved */
  fence?: Pick<CallersFence, "touch"> | undefined;
}

/** What replaces the document. */
export const tombstone = (collection: Collection, site: number, now: number): Document[] => [
  {
    $replaceWith: {
      _id: "$_id",
      ...keysOf(collection).kept,
      version: nextVersionOf(site, now),
      _deleted_at: new Date(now),
      create_hash: { $ifNull: ["$create_hash", null] },
      ...(isTwoWay(collection) && { _seen: "$_seen" }),
    },
  },
  ...(isTwoWay(collection) ? dirtied(site, now) : []),
];

/** A transaction where others may refer, else one call. */
export async function deleteRecord(
  context: DeleteContext,
  collection: Collection,
  id: string,
  expectedVersion?: number,
): Answer<void> {
  const records = context.db.collection(collection.name);
  const living = keysOf(collection).one(context.userId, id);
  const guarded = expectedVersion === undefined ? living : { ...living, version: expectedVersion };
  const references = referencesTo(collection.name, [...context.all.values()]);

  const { fence } = context;
  const remove = async (options: CallOptions): Answer<void> => {
    const held = (await fence?.touch(options)) ?? ok(undefined);
    if (held.isErr()) return err(held.error);
    const isReferenced = references.length > 0 && (await hasChildren(context, references, id, options));
    const { matchedCount } = isReferenced
      ? { matchedCount: 0 }
      : await records.updateOne(guarded, tombstone(collection, context.site, context.now()), options());
    if (matchedCount === 1) return ok(undefined);
    const found = await records.findOne(living, { projection: { version: 1 }, ...options() });
    if (!found) return err(notFound());
    const isExpected = expectedVersion === undefined || Number(found.version) === expectedVersion;
    return err(isReferenced && isExpected ? REFERENCED : VERSION_MISMATCH);
  };
  return inTurn(context, [recordKey(context, { target: collection.name, id })], (maxTimeMs) =>
    references.length === 0 && !fence
      ? againstContention({ ...context, maxTimeMs }, ({ left }) => remove(() => ({ maxTimeMS: left() })))
      : inTransaction({ ...context, maxTimeMs }, remove),
  );
}
