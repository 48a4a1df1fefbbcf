/** One page of the audit. */
import { countOf } from "../parts/figures.ts";
import { Pill } from "../parts/pill.tsx";
import { hrefOf } from "../parts/route.ts";
import { Scroll } from "../parts/scroll.tsx";
import type { AuditLine } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** More would hide the other lines. */
const SUBJECTS_SHOWN = 3;

export function AuditTable({ lines }: { lines: readonly AuditLine[] }) {
  if (lines.length === 0)
    return (
      <p class="card soft" role="status">
        Nothing was changed so.
      </p>
    );
  return (
    <Scroll name="Changes, newest first" isCard>
      <table>
        <thead>
          <tr>
            <th scope="col">When and who</th>
            <th scope="col">What</th>
            <th scope="col">About</th>
            <th scope="col">Why</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.id}>
              <td class="who-when">
                <Time at={line.at} />
                <div class="soft small">{line.actor}</div>
              </td>
              <td class="what">
                <code>{line.action}</code>
                <Asked asked={line.asked} />
              </td>
              <td>
                <Subjects subjects={line.subjects} />
              </td>
              <td class="wide">{line.reason ?? <span class="soft">not said</span>}</td>
              <td>
                <Outcome outcome={line.outcome} via={line.via} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Asked({ asked }: { asked: AuditLine["asked"] }) {
  const said = Object.entries(asked).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return said.length === 0 ? null : <div class="soft small">{said.join(", ")}</div>;
}

function Subjects({ subjects }: { subjects: readonly string[] }) {
  return (
    <>
      {subjects.slice(0, SUBJECTS_SHOWN).map((subject) => (
        <div key={subject}>
          {UUID.test(subject) ? (
            <a href={hrefOf("users", subject)} title={subject}>
              <code>{subject.slice(0, 13)}…</code>
            </a>
          ) : (
            <code>{subject}</code>
          )}
        </div>
      ))}
      {subjects.length > SUBJECTS_SHOWN && (
        <div class="soft">{`and ${countOf(subjects.length - SUBJECTS_SHOWN)} more`}</div>
      )}
    </>
  );
}

function Outcome({ outcome, via }: Pick<AuditLine, "outcome" | "via">) {
  if (!outcome) return <Pill tone="warn">Not known</Pill>;
  const isDone = via === "command" ? outcome.status === 0 : outcome.status < 400;
  return (
    <>
      <Pill tone={isDone ? "good" : "bad"}>{isDone ? "Done" : "Refused"}</Pill>
      {outcome.affected !== null && <div class="soft small">{`${countOf(outcome.affected)} affected`}</div>}
      {outcome.code && <div class="soft small">{outcome.code}</div>}
    </>
  );
}
