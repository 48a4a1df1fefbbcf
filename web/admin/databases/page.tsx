/** Every database that can be a home, its settings, and how it fares. */
import { answerOf, api } from "../../shared/api.ts";
import { useLive } from "../parts/live.ts";
import { LiveMark } from "../parts/live-mark.tsx";
import { Loading } from "../parts/loading.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { Title } from "../parts/title.tsx";
import { DatabaseCard } from "./database-card.tsx";
import { PolicyCard } from "./policy-card.tsx";

export function DatabasesPage() {
  const databases = useLive("databases", () => answerOf(api.admin.databases.$get()));
  const { value, problem, again } = databases;
  return (
    <>
      <Title text="Databases" beside={<LiveMark of={databases} />} />
      <Loading of={databases} />
      <ProblemNote problem={problem} isStale={value !== undefined} />
      {value && value.missing.length > 0 && (
        <p class="notice" role="status">
          {value.missing.join(", ")}: no answer. What cannot be known shows a dash.
        </p>
      )}
      <PolicyCard />
      {value?.items.map((database) => (
        <DatabaseCard key={database.name} database={database} after={again} />
      ))}
    </>
  );
}
