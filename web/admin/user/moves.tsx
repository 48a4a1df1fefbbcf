/** The moves of a user: how far the one under way is, and what can be done about each. */
import { ask, type Question } from "../parts/ask.tsx";
import { ChangeButton } from "../parts/change-button.tsx";
import { countedOf, countOf, spanOf } from "../parts/figures.ts";
import { HomeTag } from "../parts/home-tag.tsx";
import { Pill, type Tone } from "../parts/pill.tsx";
import type { Move, UserDetails } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";
import { endMove, rehearse, reverseMove } from "./move-calls.ts";

/** Each state in words, and how far it is on the way, in steps. */
const STATES: Readonly<Record<Move["state"], { said: string; tone: Tone; step: number | null }>> = {
  announced: { said: "Announced", tone: "warn", step: 1 },
  copying: { said: "Copying", tone: "warn", step: 2 },
  switched: { said: "Switched, being checked", tone: "warn", step: 3 },
  kept: { said: "Done, old copy kept", tone: "good", step: 4 },
  cleaned: { said: "Done, old copy gone", tone: "good", step: null },
  aborting: { said: "Being given up", tone: "warn", step: null },
  aborted: { said: "Given up", tone: "quiet", step: null },
  superseded: { said: "Followed by another move", tone: "quiet", step: null },
};
const STEPS = ["Announced", "Copied", "Switched", "Done"];

export const isUnderWay = ({ state }: Move): boolean =>
  ["announced", "copying", "switched", "aborting"].includes(state);

export function Moves({ user, after }: { user: UserDetails; after: () => Promise<void> }) {
  if (user.moves.length === 0) return null;
  return (
    <section class="card" aria-labelledby="moves">
      <h2 id="moves">Moves</h2>
      <ul class="moves">
        {user.moves.map((move) => (
          <OneMove key={move.id} move={move} user={user} after={after} />
        ))}
      </ul>
    </section>
  );
}

function OneMove({ move, user, after }: { move: Move; user: UserDetails; after: () => Promise<void> }) {
  const { said, tone, step } = STATES[move.state];
  const who = user.email ?? user.id;
  const about = (asked: Pick<Question, "title" | "detail" | "verb" | "affected" | "run">) =>
    ask({ ...asked, noun: "user", after: () => void after() });
  const abort = () =>
    about({
      title: `Give up the move of ${who}`,
      detail: <p>The user stays in {move.source}, and what was copied is taken away.</p>,
      verb: "Give up the move",
      affected: () => rehearse("abort", user.id),
      run: (reason) => endMove("abort", user.id, reason),
    });
  const undo = () =>
    about({
      title: `Move ${who} back to ${move.source}`,
      detail: <p>Only what has changed since the switch is copied.</p>,
      verb: "Move back",
      affected: () => rehearse("reverse", user.id),
      run: (reason) => reverseMove(user.id, reason),
    });
  const clean = () =>
    about({
      title: `Take the old copy of ${who} away`,
      detail: <p>What {move.source} still has of them goes now. Then the move cannot be undone from it any more.</p>,
      verb: "Take it away",
      affected: () => rehearse("clean", user.id),
      run: (reason) => endMove("clean", user.id, reason),
    });
  return (
    <li>
      <div class="row">
        <span>
          <HomeTag name={move.source} /> <span aria-hidden="true">→</span>
          <span class="seen-by-readers"> to </span> <HomeTag name={move.target} />
        </span>
        <span role={isUnderWay(move) ? "status" : undefined}>
          <Pill tone={tone}>{said}</Pill>
        </span>
        <span class="soft">
          <Time at={move.created_at} /> · {move.reason}
        </span>
        <span class="end">
          {(move.state === "announced" || move.state === "copying") && (
            <ChangeButton onClick={abort}>Give up …</ChangeButton>
          )}
          {move.state === "kept" && (
            <>
              <ChangeButton onClick={undo}>Undo …</ChangeButton>
              <ChangeButton onClick={clean}>Take old copy away …</ChangeButton>
            </>
          )}
        </span>
      </div>
      {step !== null && (
        <ol class="steps" aria-label="How far it is">
          {STEPS.map((name, index) => (
            <li
              key={name}
              class={index < step ? "done" : undefined}
              aria-current={index === step - 1 ? "step" : undefined}
            >
              {name}
            </li>
          ))}
        </ol>
      )}
      <p class="soft">
        {move.passes === 0
          ? "Nothing is copied yet"
          : `${countedOf(move.copied, "record")} copied in ${countedOf(move.passes, "pass")}`}
        {move.paused_ms !== null && `, writes waited ${spanOf(move.paused_ms)}`}
        {move.late.forwarded > 0 && `, ${countOf(move.late.forwarded)} came late and went to the new home`}
        {move.late.conflict > 0 && `, ${countOf(move.late.conflict)} came late and are in conflict with the new home`}
        {move.late.open > 0 && `, ${countOf(move.late.open)} came late and are not judged yet`}
        {move.state === "kept" && move.kept_until && (
          <>
            , kept until <Time at={move.kept_until} />
          </>
        )}
      </p>
      {move.last_error && <p class="notice">Tried again: {move.last_error}</p>}
    </li>
  );
}
