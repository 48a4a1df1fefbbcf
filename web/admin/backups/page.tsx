/** Which backups there are, and whether one can rely on them. */
import { answerOf, api } from "../../shared/api.ts";
import { Figure } from "../parts/figure.tsx";
import { spanOf } from "../parts/figures.ts";
import { useLive } from "../parts/live.ts";
import { Loading } from "../parts/loading.tsx";
import { Pages } from "../parts/pages.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { place } from "../parts/route.ts";
import { Time } from "../parts/time.tsx";
import { Title } from "../parts/title.tsx";
import { BackupTable } from "./backup-table.tsx";

const LIVE_MS = 30_000;
/** `backup prune` keeps one of each day. */
const OLD_MS = 2 * 86_400_000;

export function BackupsPage() {
  const from = place.value.query.get("from");
  const asked = { limit: "50", ...(from ? { before: from } : {}) };
  const loaded = useLive(JSON.stringify(asked), () => answerOf(api.admin.backups.$get({ query: asked })), LIVE_MS);
  const { value, problem } = loaded;
  return (
    <>
      <Title text="Backups" part={from} />
      <Loading of={loaded} />
      <ProblemNote problem={problem} isStale={value !== undefined} />
      {value && (
        <>
          <dl class="figures">
            <Newest name="Newest verified" at={value.newest_verified} how="switchyard backup verify" />
            <Newest name="Newest restored for trial" at={value.newest_drilled} how="switchyard backup drill" />
          </dl>
          <BackupTable backups={value.items} />
          <Pages page="backups" query={{}} began={from} next={value.next_before} />
        </>
      )}
    </>
  );
}

function Newest({ name, at, how }: { name: string; at: string | null; how: string }) {
  const ageMs = at === null ? null : Date.now() - Date.parse(at);
  const age = ageMs === null ? "None" : `${spanOf(Math.max(0, ageMs))} old`;
  const isBad = ageMs === null || ageMs > OLD_MS;
  return <Figure name={name} value={age} isBad={isBad} more={at ? <Time at={at} /> : <code>{how}</code>} />;
}
