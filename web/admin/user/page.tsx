/** One user: home and how they came there, what they keep, and moves. */
import { useState } from "preact/hooks";
import { answerOf, api, type Problem } from "../../shared/api.ts";
import { HomeTag } from "../parts/home-tag.tsx";
import { useKeptFocus } from "../parts/kept-focus.ts";
import { useLive } from "../parts/live.ts";
import { Loading } from "../parts/loading.tsx";
import { Pill } from "../parts/pill.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { hrefOf, place } from "../parts/route.ts";
import type { UserDetails } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";
import { Title } from "../parts/title.tsx";
import { History } from "./history.tsx";
import { Holdings } from "./holdings.tsx";
import { MoveForm } from "./move-form.tsx";
import { isUnderWay, Moves } from "./moves.tsx";

/** How often one who is being moved is looked at, in milliseconds. */
const MOVING_MS = 1_500;
const RESTING_MS = 10_000;

export function UserPage() {
  const id = place.value.subject ?? "";
  const [everyMs, setEveryMs] = useState(RESTING_MS);
  const whole = useKeptFocus<HTMLDivElement>("h1");
  const loaded = useLive(
    id,
    async () => {
      const answer = await answerOf(api.admin.users[":id"].$get({ param: { id } }));
      if (answer.ok) setEveryMs(answer.value.moves.some(isUnderWay) ? MOVING_MS : RESTING_MS);
      return answer;
    },
    everyMs,
  );
  const { value: user, problem, again } = loaded;
  return (
    <div ref={whole} class="whole">
      <p>
        <a href={hrefOf("users")}>← All users</a>
      </p>
      <Title text={user?.email ?? "User"} beside={<code class="soft">{id}</code>} />
      <Loading of={loaded} />
      <ProblemNote problem={problem && saidOf(problem, id)} isStale={user !== undefined} />
      {user && (
        <>
          <Account user={user} />
          <MoveForm user={user} after={again} />
          <Moves user={user} after={again} />
          <div class="two uneven">
            <Holdings collections={user.collections} />
            <History history={user.history} />
          </div>
        </>
      )}
    </div>
  );
}

/** An address that was typed, or of somebody who is gone for good. */
const saidOf = (problem: Problem, id: string): Problem =>
  problem.status === 400 || problem.status === 404
    ? {
        ...problem,
        detail: `There is no user with the id ${id}. The search finds users by a part of their address or id.`,
      }
    : problem;

function Account({ user }: { user: UserDetails }) {
  const isBanned = user.banned_until !== null && Date.parse(user.banned_until) > Date.now();
  return (
    <dl class="card facts">
      <div>
        <dt>Home</dt>
        <dd>
          <HomeTag name={user.home} />
        </dd>
      </div>
      <div>
        <dt>State</dt>
        <dd>
          {user.deleted ? (
            <Pill tone="bad">Deleted</Pill>
          ) : isBanned ? (
            <Pill tone="bad">Banned</Pill>
          ) : user.state === "moving" ? (
            <Pill tone="warn">Writes wait for a move</Pill>
          ) : (
            <Pill tone="good">Active</Pill>
          )}
        </dd>
      </div>
      <div>
        <dt>At home there since</dt>
        <dd>
          <Time at={user.assigned_at} />
        </dd>
      </div>
      <div>
        <dt>Signed up</dt>
        <dd>
          <Time at={user.created_at} />
        </dd>
      </div>
      <div>
        <dt>Last sign-in</dt>
        <dd>
          <Time at={user.last_sign_in_at} none="never" />
        </dd>
      </div>
    </dl>
  );
}
