/** Records whose copies were refused again and again, and were set aside. */

import { type Answer, answerOf, api } from "../../shared/api.ts";
import { type Affected, ask } from "../parts/ask.tsx";
import { ChangeButton } from "../parts/change-button.tsx";
import { countedOf, countOf } from "../parts/figures.ts";
import { useKeptFocus } from "../parts/kept-focus.ts";
import { useLive } from "../parts/live.ts";
import { ProblemNote } from "../parts/problem-note.tsx";
import { Scroll } from "../parts/scroll.tsx";
import { Time } from "../parts/time.tsx";

export function DeadRows({ after }: { after: () => Promise<void> }) {
  const area = useKeptFocus<HTMLElement>();
  const { value, problem, again } = useLive("dead", () =>
    answerOf(api.admin.replication.dead.$get({ query: { limit: "100" } })),
  );
  const back = (value?.way_back ?? []).map((row) => ({ ...row, failed_at: null, refusedBy: "Supabase" }));
  const rows = [...(value?.items ?? []).map((row) => ({ ...row, refusedBy: "MongoDB" })), ...back];
  const retry = () =>
    ask({
      title: "Try again what was refused",
      detail: <p>Every dead row is pending again, and is tried with the next run.</p>,
      verb: "Try again",
      noun: "row",
      affected: rehearseRetry,
      run: retryAll,
      after: () => void Promise.all([again(), after()]),
    });
  return (
    <section ref={area} class="card" aria-labelledby="dead">
      <div class="row">
        <h2 id="dead" tabIndex={-1}>
          Dead rows
        </h2>
        <span class="end">{rows.length > 0 && <ChangeButton onClick={retry}>Try all again …</ChangeButton>}</span>
      </div>
      <ProblemNote problem={problem} isStale={value !== undefined} />
      {value?.way_back === null && <p class="notice">MongoDB does not say what Supabase has refused.</p>}
      {value && rows.length === 0 && <p class="soft">There are none.</p>}
      {rows.length > 0 && (
        <Scroll name="The dead rows">
          <table>
            <thead>
              <tr>
                <th scope="col">Record</th>
                <th scope="col">Refused by</th>
                <th scope="col">Why</th>
                <th scope="col" class="number">
                  Tries
                </th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ collection, id, refusedBy, error, attempts, failed_at }) => (
                <tr key={`${collection}.${id}.${refusedBy}`}>
                  <th scope="row">
                    {collection}
                    <code class="id soft">{id}</code>
                  </th>
                  <td>{refusedBy}</td>
                  <td class="wide">{error}</td>
                  <td class="number">{countOf(attempts)}</td>
                  <td>
                    <Time at={failed_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

const rehearseRetry = (): Promise<Answer<Affected>> =>
  answerOf(
    api.admin.replication.dead.retry.$post({ query: { dry_run: "true" }, header: {}, json: { reason: "asked first" } }),
  );

async function retryAll(reason: string): Promise<Answer<string>> {
  const answer = await answerOf(api.admin.replication.dead.retry.$post({ query: {}, header: {}, json: { reason } }));
  if (!answer.ok) return answer;
  const { count, missing } = answer.value as { count: number; missing: string[] };
  const unknown = missing
    .map((name) => ` What ${name} holds for Supabase is not among them: it did not answer.`)
    .join("");
  return {
    ...answer,
    value: `${countedOf(count, "row")} ${count === 1 ? "is" : "are"} tried again with the next run.${unknown}`,
  };
}
