/** The copy: how far it is behind, what it refuses, and what was changed on both sides. */
import { answerOf, api } from "../../shared/api.ts";
import { Figure } from "../parts/figure.tsx";
import { countOf, spanOf } from "../parts/figures.ts";
import { useLive } from "../parts/live.ts";
import { LiveMark } from "../parts/live-mark.tsx";
import { Loading } from "../parts/loading.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { Title } from "../parts/title.tsx";
import { Collections } from "./collections.tsx";
import { Conflicts } from "./conflicts.tsx";
import { DeadRows } from "./dead-rows.tsx";

export function ReplicationPage() {
  const replication = useLive("copy", () => answerOf(api.admin.replication.$get()));
  const { value: copy, problem, again } = replication;
  return (
    <>
      <Title text="Replication" beside={<LiveMark of={replication} />} />
      <Loading of={replication} />
      <ProblemNote problem={problem} isStale={copy !== undefined} />
      {copy && !copy.has_copy && <p class="notice">No MongoDB is configured here: there is no copy.</p>}
      {copy?.has_copy && !copy.is_on && (
        <p class="notice">
          Nothing is copied: <code>switchyard replication backfill</code> begins it.
        </p>
      )}
      {copy && (
        <>
          <dl class="figures">
            <Figure name="Lag to MongoDB" value={spanOf(copy.lag_p50_ms)} more={lagOf(copy.lag_p99_ms)} />
            <Figure
              name="Lag back to Supabase"
              value={spanOf(copy.back_lag_p50_ms)}
              more={lagOf(copy.back_lag_p99_ms)}
            />
            <Figure name="Pending" value={countOf(copy.pending)} more={waitsOf(copy.oldest_ms)} />
            <Figure name="Dead" value={countOf(copy.dead)} isBad={copy.dead > 0} />
            <Figure name="Conflicts" value={countOf(copy.conflicts)} isBad={copy.conflicts > 0} />
          </dl>
          <Collections copy={copy} />
        </>
      )}
      <Conflicts after={again} />
      <DeadRows after={again} />
    </>
  );
}

const waitsOf = (oldestMs: number | null): string =>
  oldestMs === null ? "nothing waits" : `the oldest waits ${spanOf(oldestMs)}`;
const lagOf = (p99Ms: number | null): string =>
  p99Ms === null ? "nothing in ten minutes" : `99 %: ${spanOf(p99Ms)}, over ten minutes`;
