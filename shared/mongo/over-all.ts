/** One aggregation over several collections: what each one's own pipeline finds, behind one another. */
import type { AggregateOptions, Db, Document } from "mongodb";
import type { Collection } from "../definition/define.ts";

/** Nothing where there are no collections. Rejects with the driver's error. */
export async function aggregateOverAll(
  db: Db,
  collections: readonly Collection[],
  pipelineOf: (collection: Collection) => Document[],
  options: AggregateOptions,
): Promise<Document[]> {
  const [first, ...others] = collections;
  if (!first) return [];
  const unions = others.map((other) => ({ $unionWith: { coll: other.name, pipeline: pipelineOf(other) } }));
  return db
    .collection(first.name)
    .aggregate([...pipelineOf(first), ...unions], options)
    .toArray();
}
