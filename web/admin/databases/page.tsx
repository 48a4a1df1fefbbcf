/** Every database that can be a home, its settings, and how it fares. */
import { answerOf, api } from "../../shared/api.ts";
import { useLive } from "../parts/live.ts";
import { ProblemNote } from "../parts/problem-note.tsx";
import { Title } from "../parts/title.tsx";
import { DatabaseCard } from "./database-card.tsx";
import { PolicyCard } from "./policy-card.tsx";

export function DatabasesPage() {
  const { value, problem, again } = useLive("databases", () => answerOf(api.admin.databases.$get()));
  return (
    <>
      <Title text="Databases" beside={<span class="soft live">Live, every 5 s</span>} />
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
