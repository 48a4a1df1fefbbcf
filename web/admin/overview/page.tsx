/** Who lives where, and how each database fares. */
import { answerOf, api } from "../../shared/api.ts";
import { useLive } from "../live.ts";
import { ProblemNote } from "../problem-note.tsx";
import { Homes } from "./homes.tsx";

export function OverviewPage() {
  const stats = useLive("stats", () => answerOf(api.admin["database-stats"].$get()));
  const health = useLive("health", () => answerOf(api.health.$get()));
  return (
    <>
      <ProblemNote problem={stats.problem} />
      {stats.value && <Homes homes={stats.value.homes} health={health.value?.homes} />}
    </>
  );
}
