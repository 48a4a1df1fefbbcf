/**
 * Both directions: what is marked in Postgres to MongoDB, and what is unsent in MongoDB to Postgres. Each goes on whatever
 * becomes of the other, and once more where the one has made work for the other: what both had changed.
 */
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collector, CollectReport } from "./collector.ts";
import { addCounts } from "./counts.ts";
import type { CopyReport, ReplicationWorker } from "./worker.ts";

export type BothReport = CopyReport & { collected: CollectReport };

/** A row is merged, goes back, and is there; a writer may be faster each time. */
const MOST_ROUNDS = 5;

/** Until nothing is left, or that time is over (milliseconds). Errors: of either; what the other has done is done. */
export async function copyBothWays(
  { worker, collector }: { worker: Pick<ReplicationWorker, "run">; collector: Pick<Collector, "run"> },
  timeoutMs = Number.POSITIVE_INFINITY,
  clock: () => number = () => performance.now(),
): Promise<Result<BothReport, RepositoryError>> {
  const until = clock() + timeoutMs;
  const total: CopyReport = { copied: 0, stale: 0, refused: 0, concurrent: 0, isDrained: false };
  const collected: CollectReport = { sent: 0, merged: 0, stale: 0, waiting: 0, refused: 0, isDrained: false };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const left = Math.max(0, until - clock());
    const [copying, collecting] = await Promise.all([worker.run(left), collector.run(left)]);
    if (copying.isErr()) return copying.map((report) => ({ ...report, collected }));
    if (collecting.isErr()) return collecting.map((report) => ({ ...total, collected: report }));
    addCounts(total, copying.value);
    addCounts(collected, collecting.value);
    const isDone = copying.value.concurrent === 0 && collecting.value.merged === 0;
    if (isDone || clock() >= until) break;
  }
  return ok({ ...total, collected });
}
