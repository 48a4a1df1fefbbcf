import { calculateObjectSize, Long } from "bson";
import { MAX_DOCUMENT_BYTES } from "./bson.ts";
import { MongoError } from "./errors.ts";
import type { Doc } from "./values/compare.ts";

interface Cursor {
  readonly namespace: string;
  readonly docs: readonly Doc[];
  position: number;
  usedAt: number;
}

const MAX_IDLE_MS = 10 * 60_000;
const FIRST_BATCH_SIZE = 101;

/** Open cursors. Documents are never changed in place, so that a cursor shows what was there when it was opened. */
export class Cursors {
  readonly #open = new Map<string, Cursor>();
  #next = 1;

  /** Answers the first batch, and keeps the rest for `getMore`. */
  first(namespace: string, docs: readonly Doc[], batchSize = FIRST_BATCH_SIZE, single = false): Doc {
    const cursor: Cursor = { namespace, docs, position: 0, usedAt: Date.now() };
    const firstBatch = take(cursor, batchSize);
    if (single || cursor.position >= docs.length) return { cursor: { firstBatch, id: Long.ZERO, ns: namespace } };
    const id = Long.fromNumber(this.#next++);
    this.#open.set(id.toString(), cursor);
    return { cursor: { firstBatch, id, ns: namespace } };
  }

  more(id: string, namespace: string, batchSize = Number.POSITIVE_INFINITY): Doc {
    const cursor = this.#open.get(id);
    if (!cursor) throw new MongoError(43, `cursor id ${id} not found`);
    if (cursor.namespace !== namespace) {
      throw new MongoError(
        13,
        `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace`,
      );
    }
    cursor.usedAt = Date.now();
    const nextBatch = take(cursor, batchSize === 0 ? Number.POSITIVE_INFINITY : batchSize);
    const done = cursor.position >= cursor.docs.length;
    if (done) this.#open.delete(id);
    return { cursor: { nextBatch, id: done ? Long.ZERO : Long.fromString(id), ns: namespace } };
  }

  kill(id: string): boolean {
    return this.#open.delete(id);
  }

  /** Forgets cursors that nobody has asked for ten minutes. */
  reap(now: number): void {
    for (const [id, { usedAt }] of this.#open) if (now - usedAt > MAX_IDLE_MS) this.#open.delete(id);
  }
}

/** As many as asked for, up to the size of a message; one at least. */
function take(cursor: Cursor, batchSize: number): Doc[] {
  const batch: Doc[] = [];
  let bytes = 0;
  while (batch.length < batchSize) {
    const doc = cursor.docs[cursor.position];
    if (!doc) break;
    bytes += calculateObjectSize(doc, { ignoreUndefined: true });
    if (batch.length > 0 && bytes > MAX_DOCUMENT_BYTES) break;
    batch.push(doc);
    cursor.position += 1;
  }
  return batch;
}
