/** How the whole fares: who lives where, each database, requests, the copy, limits. Live. */
import type { InferResponseType } from "hono/client";
import { type Answer, answerOf, api } from "../../shared/api.ts";
import { useLive } from "../parts/live.ts";
import { LiveMark } from "../parts/live-mark.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { Title } from "../parts/title.tsx";
import { Alerts } from "./alerts.tsx";
import { Databases } from "./databases.tsx";
import { Distribution } from "./distribution.tsx";
import { Figures } from "./figures.tsx";
import { Requests } from "./requests.tsx";

const MINUTES = "60";

/** Also what is answered with 503 says how each database is. */
async function healthOf(): Promise<Answer<HealthAnswer>> {
  const call = api.health.$get();
  const answer = await call.catch(() => undefined);
  if (answer?.status === 503) return { ok: true, value: await answer.json(), headers: answer.headers };
  return answerOf(call);
}
type HealthAnswer = InferResponseType<typeof api.health.$get, 200>;

export function OverviewPage() {
  const stats = useLive("stats", () => answerOf(api.admin["database-stats"].$get()));
  const health = useLive("health", healthOf);
  const metrics = useLive("metrics", () => answerOf(api.admin.metrics.$get({ query: { minutes: MINUTES } })));
  const alerts = useLive("alerts", () => answerOf(api.admin.alerts.$get({ query: {} })));
  return (
    <>
      <Title text="Overview" beside={<LiveMark of={stats} />} />
      <ProblemNote problem={stats.problem ?? metrics.problem} isStale={stats.value !== undefined} />
      <Alerts alerts={alerts.value?.items} />
      <Figures stats={stats.value} metrics={metrics.value} />
      <Distribution homes={stats.value?.homes} />
      <Databases homes={stats.value?.homes} health={health.value?.homes} metrics={metrics.value?.databases} />
      <Requests metrics={metrics.value} />
    </>
  );
}
