/**
 * Folds the texts again that earlier code has folded: with their accents, without a bound, and once more in `search_text`,
 * which no code writes any more. That field is the mark of what is left to do, so this can be ended at any time and begun
 * again. Nobody notices: until then a text is found by its old folding, and `version` stays, as the record does.
 */
import { type AnyBulkWriteOperation, type Db, type Document, MongoBulkWriteError, type WriteError } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { foldedFields } from "../definition/search.ts";

/** Documents of one write: of 276 KB each they still fit in one message (48 MB). */
const BATCH = 100;
const INVALID_DOCUMENT = 121;

/** Driver errors are thrown. */
export async function foldAgain(db: Db, collections: readonly Collection[]): Promise<void> {
  for (const collection of collections) {
    // twice nothing: a record may have been written just when it was its turn
    let idle = 0;
    while (idle < 2) idle = (await foldOnce(db, collection)) === 0 ? idle + 1 : 0;
  }
}

/** Goes through the collection once, and says how many documents it has changed. */
async function foldOnce(db: Db, collection: Collection): Promise<number> {
  const documents = db.collection(collection.name);
  const fields = Object.fromEntries(["version", ...collection.search].map((name) => [name, 1 as const]));
  const found = documents.find({ search_text: { $exists: true } }, { projection: fields, batchSize: BATCH });
  let changed = 0;
  let waiting: AnyBulkWriteOperation[] = [];
  const write = async () => {
    const updates = waiting;
    waiting = [];
    if (updates.length === 0) return;
    const { modifiedCount } = await documents.bulkWrite(updates, { ordered: false }).catch(unlessInvalid);
    changed += modifiedCount;
  };
  for await (const document of found) {
    waiting.push(foldingOf(collection, document));
    if (waiting.length === BATCH) await write();
  }
  await write();
  return changed;
}

/** A record that has been written since it was read is left to the next time round: what was read of it is old. */
const foldingOf = (collection: Collection, document: Document): AnyBulkWriteOperation => ({
  updateOne: {
    filter: { _id: document._id, version: document.version, search_text: { $exists: true } },
    update: { $set: { _folded: foldedFields(collection, document) }, $unset: { search_text: "" } },
  },
});

/** What a validator refuses that has become stricter since stays as it is: it is no reason to prepare nothing. */
function unlessInvalid(error: unknown): { modifiedCount: number } {
  const errors = error instanceof MongoBulkWriteError ? ([error.writeErrors].flat() as WriteError[]) : [];
  if (errors.length === 0 || errors.some(({ code }) => code !== INVALID_DOCUMENT)) throw error;
  return (error as MongoBulkWriteError).result;
}
