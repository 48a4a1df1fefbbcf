/** Records in MongoDB that refer to nothing that is there, of which there must never be one. */
import { type Db, type Document, UUID } from "mongodb";
import { homeCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { referencesFrom } from "../../shared/definition/references.ts";

/** Of a user. */
export async function dangling(
  db: Db,
  userId: string,
  collections: readonly Collection[] = homeCollections,
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
