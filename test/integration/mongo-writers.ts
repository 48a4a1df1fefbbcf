/** Writers in MongoDB that wait or die in the middle, and what they leave. */
import { type Db, type Document, UUID } from "mongodb";
import type { Collection } from "../../shared/collections/define.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { referencesFrom } from "../../shared/collections/references.ts";

/** A gate in a write: `reached` when the write stands there, until `open` is called. */
export function gate(at: string) {
  let open = () => {};
  let arrived = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const failpoint = async (name: string) => {
    if (name !== at) return;
    arrived();
    await opened;
  };
  return { failpoint, reached, open };
}

export const dieAt = (at: string) => (name: string) => {
  if (name === at) throw new Error(`killed at ${at}`);
};

/** The records of a user that refer to nothing that is there. */
export async function dangling(
  db: Db,
  userId: string,
  collections: readonly Collection[] = allCollections,
): Promise<Document[]> {
  const living = { "_id.user_id": new UUID(userId), _deleted_at: null };
  const found: Document[] = [];
  for (const collection of collections)
    for (const { field, target } of referencesFrom(collection))
      for (const child of await db.collection(collection.name).find(living).toArray()) {
        if (!child[field]) continue;
        const parent = { ...living, "_id.id": child[field] };
        if ((await db.collection(target).countDocuments(parent)) === 0) found.push(child);
      }
  return found;
}

export const pending = (db: Db, name: string, userId: string) =>
  db
    .collection(name)
    .countDocuments({ "_id.user_id": new UUID(userId), _refs_pending: { $exists: true }, _deleted_at: null });
