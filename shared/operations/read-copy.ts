/** How much the copy holds, and how far it is behind. What cannot be known is null: either side may be away. */
import { copiedTo, REPLICA_HOLDER } from "../placement/kept-collections.ts";
import type { ReplicationStatus } from "../replication/source.ts";
import { within } from "../values/within.ts";
import type { OpenReplication } from "./open-replication.ts";

export interface CopyState {
  /** living records in the copy, by collection */
  collections: Record<string, number | null>;
  /** as its source tells it */
  status: ReplicationStatus | null;
}

/** Within `limitMs`, whatever hangs. Null: no MongoDB is configured, or no collection has a copy. */
export async function readCopy(replication: OpenReplication, limitMs: number): Promise<CopyState | null> {
  const { source, copy, collections } = replication;
  if (!copy || collections.length === 0) return null;
  const maxTimeMS = Math.max(1, Math.round(limitMs * 0.8));
  // what both databases write is counted with their homes
  const counts = copiedTo(REPLICA_HOLDER, collections).map(async ({ name }) => {
    const count = async () =>
      copy.mongo.replica().collection(name).countDocuments({ _deleted_at: null }, { maxTimeMS });
    return [
      name,
      (await within(
        limitMs,
        count().catch(() => undefined),
      )) ?? null,
    ] as const;
  });
  const [status, counted] = await Promise.all([within(limitMs, source.status()), Promise.all(counts)]);
  return { collections: Object.fromEntries(counted), status: status?.unwrapOr(null) ?? null };
}
