/**
 * Sends documents to Postgres, so many at once as one statement takes. A document of which no row can be made, or that makes
 * Postgres refuse the whole call (a text that it cannot read, written by hand), is found and refused alone.
 */
import { BSON, type Document } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { uuidText } from "../mongo/documents.ts";
import { rowOf } from "./copies.ts";
import type { MergeSource, RestoredRow, Taken } from "./source.ts";

/** Of documents that are sent with one call: statements over REST have 8 seconds. */
const MAX_BYTES = 2 * 1_024 * 1_024;

/**
 * What became of each, in their order; of none of them more is known where it throws, which is the error of Postgres. With
 * `completeUpTo`, Postgres is told that it has everything from before, unless it refuses something.
 */
export async function sendRows(
  source: MergeSource,
  collection: Collection,
  documents: readonly Document[],
  completeUpTo: Date | null,
): Promise<Taken[]> {
  const taken = new Map<string, Taken>();
  const rows: { row: RestoredRow; bytes: number }[] = [];
  for (const document of documents) {
    const id = uuidText(document._id);
    try {
      const waits = Number(document._dirty?.waits ?? 0);
      rows.push({
        row: { ...rowOf(collection, document), ...(waits > 0 && { waits }) },
        bytes: BSON.calculateObjectSize(document),
      });
    } catch (error) {
      taken.set(id, { id, is: "refused", error: `not a document of ${collection.name}: ${String(error)}` });
    }
  }
  const send = async (some: readonly RestoredRow[], upTo: Date | null): Promise<void> => {
    const answer = await source.merge(collection.name, some, upTo);
    if (answer.isOk()) {
      for (const each of answer.value) taken.set(each.id, each);
      return;
    }
    const [first] = some;
    if (answer.error.kind !== "invalid" || !first) throw answer.error;
    if (some.length === 1) {
      taken.set(first.id, { id: first.id, is: "refused", error: answer.error.message });
      return;
    }
    const half = some.length >> 1;
    await send(some.slice(0, half), null);
    await send(some.slice(half), null);
  };
  const chunks = chunksOf(rows);
  for (const [n, chunk] of chunks.entries()) {
    const isLast = n === chunks.length - 1;
    const isGood = [...taken.values()].every(({ is }) => is !== "refused" && is !== "waiting");
    await send(chunk, isLast && isGood ? completeUpTo : null);
  }
  return documents.map((document) => taken.get(uuidText(document._id)) as Taken);
}

/** At least one, be it empty. */
function chunksOf(rows: readonly { row: RestoredRow; bytes: number }[]): RestoredRow[][] {
  const chunks: RestoredRow[][] = [[]];
  let size = 0;
  for (const { row, bytes } of rows) {
    if (size > 0 && size + bytes > MAX_BYTES) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)?.push(row);
    size += bytes;
  }
  return chunks;
}
