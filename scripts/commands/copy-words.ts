/** How the copy stands, in one line. */
import type { ReplicationStatus } from "../../shared/replication/source.ts";

export const milliseconds = (value: number | null): string =>
  value === null ? "-" : value < 10_000 ? `${Math.round(value)} ms` : `${Math.round(value / 1_000)} s`;

export function copyWords(status: ReplicationStatus | null): string {
  if (!status) return "copy: how far it is behind cannot be known now.";
  if (!status.is_on) return "copy: nothing is copied. It begins with: switchyard replication backfill";
  const { pending, dead, conflicts, lag_p50_ms, lag_p99_ms } = status;
  const lag = `lag of the last ten minutes: p50 ${milliseconds(lag_p50_ms)}, p99 ${milliseconds(lag_p99_ms)}`;
  const decided = conflicts > 0 ? `, ${conflicts} conflicts` : "";
  return `copy: ${pending} pending, ${dead} set aside${decided}; ${lag}`;
}
