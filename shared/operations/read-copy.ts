/** How much the copy holds, and how far it is behind. What cannot be known is null: either side may be away. */
import type { Collection } from "../definition/define.ts";
import { copiedTo, REPLICA_HOLDER } from "../placement/kept-collections.ts";
import { databaseOf } from "../replication/mongo-side.ts";
import type { ReplicationStatus } from "../replication/source.ts";
import { within } from "../values/within.ts";
import type { OpenReplication } from "./open-replication.ts";

export interface CopyState {
  /** living records in the copy, by collection */
  collections: Record<string, number | null>;
  /** as its source tells it */
  status: ReplicationStatus | null;
}

/**
 * Within `limitMs`, whatever hangs; of what is only copied unless told which collections. Null: no MongoDB is configured, or no
 * collection has a copy.
 */
export async function readCopy(
  replication: OpenReplication,
  limitMs: number,
  counted: readonly Collection[] = copiedTo(REPLICA_HOLDER, replication.collections),
): Promise<CopyState | null> {
  const { source, copy, collections } = replication;
  if (!copy || collections.length === 0) return null;
  const maxTimeMS = Math.max(1, Math.round(limitMs * 0.8));
  const counts = counted.map(async (collection) => {
    const { name } = collection;
    const documents = () => databaseOf(copy.mongo, collection).collection(name);
    const count = async () => documents().countDocuments({ _deleted_at: null }, { maxTimeMS });
    return [
      name,
      (await within(
        limitMs,
        count().catch(() => undefined),
      )) ?? null,
    ] as const;
  });
  const [status, found] = await Promise.all([within(limitMs, source.status()), Promise.all(counts)]);
  return { collections: Object.fromEntries(found), status: status?.unwrapOr(null) ?? null };
}
