/** The parts of a chain that have lines of one collection, and lines by the batch. */
import type { Manifest, Part } from "./manifest.ts";
import type { Line } from "./record-lines.ts";

/** In the order in which they are to be read, the full backup's first; and how many lines they have together. */
export function partsOf(
  chain: readonly Manifest[],
  name: string,
): { parts: { id: string; part: Part }[]; total: number } {
  const parts = chain.flatMap(({ id, parts: all }) =>
    all.filter((part) => part.collection === name && part.count > 0).map((part) => ({ id, part })),
  );
  return { parts, total: parts.reduce((sum, { part }) => sum + part.count, 0) };
}

/** Lines of one call. */
export const BATCH = 1_000;

export async function* batches(lines: AsyncIterable<Line>): AsyncIterable<Line[]> {
  let batch: Line[] = [];
  for await (const line of lines) {
    batch.push(line);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
