/** A collection of which the operator has made the copy writable (`switchyard replication promote`). */
import { type Collection, replicated } from "./define.ts";
import { perCollection } from "./per-collection.ts";

/** The same records, as what both databases take writes of: its documents say what the other side does not have yet. */
export const asPromoted = perCollection(
  (collection): Collection => ({ ...collection, placement: replicated("mongodb", "reads-and-writes") }),
);
