/** By what new users' homes are chosen, for all databases at once. */
import { useState } from "preact/hooks";
import { answerOf, api } from "../../shared/api.ts";
import { ask } from "../parts/ask.tsx";
import { ChangeButton } from "../parts/change-button.tsx";
import { useKeptFocus } from "../parts/kept-focus.ts";
import { useLive } from "../parts/live.ts";
import { ProblemNote } from "../parts/problem-note.tsx";
import { mayChange } from "../parts/role.ts";
import type { Placement } from "../parts/shapes.ts";

type Policy = Placement["policy"];

/** Who gets the next one; users, bytes and load count for a database's weight. */
const POLICIES: Readonly<Record<Policy, string>> = {
  count: "fewest users for its weight",
  size: "fewest bytes for its weight",
  load: "fewest users seen within a day for its weight",
  latency: "quickest answer for its weight",
};

export function PolicyCard() {
  const { value, problem, again } = useLive("placement", () => answerOf(api.admin.placement.$get()));
  const [chosen, setChosen] = useState<Policy>();
  const card = useKeptFocus<HTMLElement>("select");
  if (!value) return <ProblemNote problem={problem} isStale={false} />;
  const policy = chosen ?? value.policy;
  const change = () =>
    ask({
      title: "Choose new users' homes otherwise",
      detail: (
        <p>
          By {value.policy} → by {policy}: {POLICIES[policy]}. Who has a home keeps it.
        </p>
      ),
      verb: "Change",
      noun: "database",
      affected: async () => {
        const answer = await answerOf(api.admin.placement.$get());
        return answer.ok ? { ...answer, value: { count: answer.value.databases.length } } : answer;
      },
      run: async (reason) => {
        const answer = await answerOf(api.admin.placement.$put({ header: {}, json: { policy, reason } }));
        return answer.ok ? { ...answer, value: sentenceOf(answer.value) } : answer;
      },
      after: () => {
        setChosen(undefined);
        void again();
      },
    });
  return (
    <section ref={card} class="card" aria-labelledby="placement">
      <div class="row">
        <h2 id="placement">New users</h2>
        {mayChange() && (
          <label class="inline">
            Chosen by
            <select value={policy} onChange={(event) => setChosen(event.currentTarget.value as Policy)}>
              {Object.entries(POLICIES).map(([name, meaning]) => (
                <option key={name} value={name}>
                  {name}: {meaning}
                </option>
              ))}
            </select>
          </label>
        )}
        <span class="end">
          <ChangeButton onClick={change} disabled={policy === value.policy}>
            Change …
          </ChangeButton>
        </span>
      </div>
      <p>{sentenceOf(value)}</p>
      <ProblemNote problem={problem} isStale={true} />
    </section>
  );
}

/** What decides now, and why it is another thing than what was set. */
function sentenceOf({ policy, used, unmeasured }: Placement): string {
  const set = `New users' homes are chosen by ${policy}: ${POLICIES[policy]}.`;
  if (used === policy) return set;
  return `${set} Until ${unmeasured.join(", ")} has been measured, ${used} decides: ${POLICIES[used]}.`;
}
