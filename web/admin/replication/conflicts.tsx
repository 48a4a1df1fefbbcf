/** Records that were changed in both databases, with both versions side by side, and the choice between them. */

import { type Answer, answerOf, api } from "../../shared/api.ts";
import { ask } from "../parts/ask.tsx";
import { ChangeButton } from "../parts/change-button.tsx";
import { useKeptFocus } from "../parts/kept-focus.ts";
import { useLive } from "../parts/live.ts";
import { ProblemNote } from "../parts/problem-note.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { Conflict } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

type Choice = "winner" | "loser";

export function Conflicts({ after }: { after: () => Promise<void> }) {
  const area = useKeptFocus<HTMLElement>();
  const { value, problem, again } = useLive("conflicts", () =>
    answerOf(api.admin.replication.conflicts.$get({ query: { limit: "20" } })),
  );
  const resolve = (conflict: Conflict, choose: Choice) =>
    ask({
      title: choose === "winner" ? "Keep the version that stayed" : "Take the other version",
      detail: (
        <p>
          {choose === "winner"
            ? "Nothing is written: the conflict is decided, and the record stays as it is."
            : "The other version is written anew, in place of what is there by now."}{" "}
          <code>{`${conflict.collection} ${conflict.row_id}`}</code>
        </p>
      ),
      verb: choose === "winner" ? "Keep it" : "Take it",
      noun: "record",
      affected: async () => {
        const answer = await decide(conflict, choose, "asked first", "true");
        return answer.ok ? { ...answer, value: { count: 1 } } : answer;
      },
      run: (reason) => decide(conflict, choose, reason, "false"),
      after: () => void Promise.all([again(), after()]),
    });
  return (
    <section ref={area} class="card" aria-labelledby="conflicts">
      <h2 id="conflicts" tabIndex={-1}>
        Conflicts
      </h2>
      <ProblemNote problem={problem} isStale={value !== undefined} />
      {value?.items.length === 0 && <p class="soft">There are none.</p>}
      <ul class="conflicts">
        {value?.items.map((conflict) => (
          <li key={conflict.id}>
            <p>
              <strong>{conflict.collection}</strong> <code class="soft">{conflict.row_id}</code>{" "}
              <span class="soft">
                found <Time at={conflict.found_at} />
              </span>
            </p>
            <Versions conflict={conflict} />
            <div class="actions">
              <ChangeButton onClick={() => resolve(conflict, "winner")}>Keep the version that stayed …</ChangeButton>
              <ChangeButton onClick={() => resolve(conflict, "loser")}>Take the other version …</ChangeButton>
            </div>
          </li>
        ))}
      </ul>
      {value?.next_cursor && <p class="soft">There are more: these are decided first.</p>}
    </section>
  );
}

async function decide(
  { id }: Conflict,
  choose: Choice,
  reason: string,
  dry_run: "true" | "false",
): Promise<Answer<string>> {
  const answer = await answerOf(
    api.admin.replication.conflicts[":id"].resolve.$post({
      param: { id: String(id) },
      query: { dry_run },
      header: {},
      json: { choose, reason },
    }),
  );
  if (!answer.ok) return answer;
  const { version } = answer.value;
  return { ...answer, value: version === null ? "Decided: it stays." : `Decided: it is version ${version} now.` };
}

/** Field by field; where they differ is marked, not by colour alone. */
function Versions({ conflict: { winner, loser } }: { conflict: Conflict }) {
  const fields = [...new Set([...Object.keys(winner.row ?? {}), ...Object.keys(loser.row ?? {})])];
  const differing = fields.filter((field) => textOf(winner.row?.[field]) !== textOf(loser.row?.[field]));
  const same = fields.length - differing.length;
  return (
    <Scroll name="Both versions">
      <table class="versions">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">{`Stayed, version ${winner.version}`}</th>
            <th scope="col">{`Other, version ${loser.version}`}</th>
          </tr>
        </thead>
        <tbody>
          {(winner.deleted_at || loser.deleted_at) && (
            <tr>
              <th scope="row">the record</th>
              <td>{winner.deleted_at ? "deleted" : "there"}</td>
              <td>{loser.deleted_at ? "deleted" : "there"}</td>
            </tr>
          )}
          {differing.map((field) => (
            <tr key={field}>
              <th scope="row">{field}</th>
              <td>{textOf(winner.row?.[field])}</td>
              <td>{textOf(loser.row?.[field])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {same > 0 && <p class="soft">{`${same} other fields are the same in both.`}</p>}
    </Scroll>
  );
}

const textOf = (value: unknown): string =>
  value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
