/**
 * Documents that Postgres does not have yet, by what they say themselves (mongo/unsent.ts). Nothing here takes `_dirty` from a
 * document that has been written since it was read: its version is another one then.
 */
import { type AnyBulkWriteOperation, type Document, type Collection as Documents, UUID } from "mongodb";
import { uuidText } from "../mongo/documents.ts";
import { AT_ONCE } from "../mongo/unsent.ts";
import { DEAD, UNSENT } from "../mongo/unsent-state.ts";

/** After so many refusals a document is set aside, until it is written again or the operator has it tried. */
const MAX_ATTEMPTS = 8;
const WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;

/** At most `limit` of those that are to be sent now, as a majority has them: what is rolled back is not sent. */
export const readDue = (documents: Documents, nowMs: number, limit: number): Promise<Document[]> =>
  documents
    .find(
      { ...UNSENT, "_dirty.due": { $lte: new Date(nowMs) } },
      { sort: { "_dirty.due": 1 }, limit, batchSize: limit + 1, readConcern: { level: "majority" } },
    )
    .toArray();

/** Whether some are to be sent now. */
export const isDue = async (documents: Documents, nowMs: number): Promise<boolean> => {
  const due = { ...UNSENT, "_dirty.due": { $lte: new Date(nowMs) } };
  return (await documents.findOne(due, { projection: { _id: 1 } })) !== null;
};

/** Whether some are to be sent later. */
export const isUnfinished = async (documents: Documents, nowMs: number): Promise<boolean> => {
  const later = { ...UNSENT, "_dirty.due": { $gt: new Date(nowMs) } };
  return (await documents.findOne(later, { projection: { _id: 1 } })) !== null;
};

/** Whether anything waits to be sent, be it set aside. */
export const isDirty = async (documents: Documents): Promise<boolean> =>
  (await documents.findOne({ _dirty: { $exists: true } }, { projection: { _id: 1 } })) !== null;

/** Postgres has it. A tombstone may expire from now on. */
export const cleared = (document: Document, nowMs: number): AnyBulkWriteOperation<Document> =>
  change(document, {
    $unset: { _dirty: "" },
    ...(document._deleted_at && { $set: { _acknowledged_at: new Date(nowMs) } }),
  });

/** What it refers to is not in Postgres yet. */
export const putOff = (document: Document, error: string, nowMs: number): AnyBulkWriteOperation<Document> =>
  change(document, {
    $set: { "_dirty.due": new Date(nowMs + WAIT_MS), "_dirty.error": error.slice(0, 500) },
    $inc: { "_dirty.waits": 1 },
  });

/** Postgres refuses it: again later, less and less often, and then no more. */
export function failed(document: Document, error: string, nowMs: number): AnyBulkWriteOperation<Document> {
  const attempts = Number(document._dirty?.attempts ?? 0) + 1;
  const waitMs = Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** (attempts - 1));
  return change(document, {
    $set: {
      "_dirty.attempts": attempts,
      "_dirty.error": error.slice(0, 500),
      "_dirty.due": new Date(nowMs + waitMs),
      ...(attempts >= MAX_ATTEMPTS && { "_dirty.dead": true }),
    },
  });
}

const change = ({ _id, version }: Document, update: Document): AnyBulkWriteOperation<Document> => ({
  updateOne: { filter: { _id, version, _dirty: { $exists: true } } as Document, update },
});

/** What was set aside, the latest first. */
export async function readDead(documents: Documents, limit: number) {
  const found = await documents.find(DEAD, { sort: { "_dirty.due": -1 }, limit, projection: { _dirty: 1 } }).toArray();
  return found.map(({ _id, _dirty }) => ({
    id: uuidText(_id),
    attempts: Number(_dirty.attempts),
    error: String(_dirty.error),
  }));
}

/** Has them tried again at once: those that failed, and those that were set aside. How many. */
export async function retryAll(documents: Documents): Promise<number> {
  const failing = { _dirty: { $exists: true }, "_dirty.attempts": { $gt: 0 } };
  const again = { $set: { "_dirty.due": AT_ONCE }, $unset: { "_dirty.attempts": "", "_dirty.dead": "" } };
  return (await documents.updateMany(failing, again)).matchedCount;
}

/** Has them sent as they are by then, whatever is known of them. How many there are. */
export async function markUnsent(documents: Documents, ids: readonly string[], nowMs: number): Promise<number> {
  const present = { _id: { $in: ids.map((id) => new UUID(id)) } } as Document;
  await documents.updateMany({ ...present, _dirty: { $exists: false } }, dirtyAt(nowMs));
  const again = { $set: { "_dirty.due": AT_ONCE }, $unset: { "_dirty.dead": "" } };
  return (await documents.updateMany({ ...present, _dirty: { $exists: true } }, again)).matchedCount;
}

/** The update that has a document sent which nobody knew to be unsent. */
export const dirtyAt = (nowMs: number): Document => ({ $set: { _dirty: { since: new Date(nowMs), due: AT_ONCE } } });
