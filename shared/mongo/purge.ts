/** Takes away what a deleted user left behind. */
import { type Db, UUID } from "mongodb";
import { type Collection, identityOf } from "../definition/define.ts";

const MAX_TIME_MS = 8_000;

/** What a time-out leaves is deleted by the next try: documents go one by one. Driver errors are thrown. */
export async function purgeDocuments(db: Db, collections: readonly Collection[], userId: string): Promise<void> {
  for (const collection of collections) {
    const { owner, perOwner } = identityOf(collection);
    const path = perOwner ? `_id.${owner}` : owner;
    await db.collection(collection.name).deleteMany({ [path]: new UUID(userId) }, { maxTimeMS: MAX_TIME_MS });
  }
}
