/** Takes away what a deleted user left behind. */
import type { Db } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { keysOf } from "./keys.ts";

const MAX_TIME_MS = 8_000;

/** What a time-out leaves is deleted by the next try: documents go one by one. Driver errors are thrown. */
export async function purgeDocuments(db: Db, collections: readonly Collection[], userId: string): Promise<void> {
  for (const collection of collections)
    await db.collection(collection.name).deleteMany(keysOf(collection).everything(userId), { maxTimeMS: MAX_TIME_MS });
}
