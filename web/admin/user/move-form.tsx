/** Where a user is to move. */
import { useState } from "preact/hooks";
import { answerOf, api } from "../../shared/api.ts";
import { ask } from "../parts/ask.tsx";
import { ChangeButton } from "../parts/change-button.tsx";
import { HomeTag } from "../parts/home-tag.tsx";
import { useLive } from "../parts/live.ts";
import { mayChange } from "../parts/role.ts";
import type { UserDetails } from "../parts/shapes.ts";
import { rehearse, startMove } from "./move-calls.ts";
import { isUnderWay } from "./moves.tsx";

export function MoveForm({ user, after }: { user: UserDetails; after: () => Promise<void> }) {
  const databases = useLive("databases", () => answerOf(api.admin.databases.$get()), null);
  const [chosen, setChosen] = useState("");
  if (!mayChange() || user.deleted || user.home === null || user.moves.some(isUnderWay)) return null;
  const others = (databases.value?.items ?? []).filter(({ name }) => name !== user.home);
  const target = others.find(({ name }) => name === chosen)?.name ?? others[0]?.name;
  if (!target) return null;
  const move = () =>
    ask({
      title: `Move ${user.email ?? user.id}`,
      detail: (
        <p>
          From <HomeTag name={user.home} /> to <HomeTag name={target} />. Reads never stop; the user's writes wait for a
          moment. The old copy is kept for some days, and the move can be undone from it.
        </p>
      ),
      verb: "Move",
      noun: "user",
      affected: () => rehearse("start", user.id, target),
      run: (reason) => startMove(user.id, target, reason),
      after: () => void after(),
    });
  return (
    <section class="card row" aria-labelledby="move">
      <h2 id="move">Another home</h2>
      <label class="inline">
        Move to
        <select value={target} onChange={(event) => setChosen(event.currentTarget.value)}>
          {others.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <ChangeButton onClick={move}>Move …</ChangeButton>
    </section>
  );
}
