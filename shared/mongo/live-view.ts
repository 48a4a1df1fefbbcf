/** Views for people who look into a copy with MongoDB's own tools: what lives, without what replication keeps beside it. */
import type { Db, Document } from "mongodb";
import { createCollection } from "./create-collection.ts";

/** Not for people: versions by site, what is searched, what waits to be sent. */
const KEPT_BESIDE = ["_seen", "_folded", "_dirty", "_acknowledged_at", "_touched", "create_hash"];

export const liveName = (collection: string): string => `${collection}_live`;

/**
 * Makes the view `<collection>_live`, or what it was into what it is now; a collection of that name is left alone. `info`: what
 * is there, as `listCollections` says. Throws the driver's errors.
 */
export async function prepareLiveView(db: Db, collection: string, info: Document | undefined): Promise<void> {
  const name = liveName(collection);
  const view = { viewOn: collection, pipeline: [{ $match: { _deleted_at: null } }, { $unset: KEPT_BESIDE }] };
  if (!info) return void (await createCollection(db, name, view));
  const { viewOn, pipeline } = info.options ?? {};
  if (info.type === "view" && JSON.stringify({ viewOn, pipeline }) !== JSON.stringify(view))
    await db.command({ collMod: name, ...view });
}
