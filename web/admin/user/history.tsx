/** The homes that a user got and left. */
import { HomeTag } from "../parts/home-tag.tsx";
import type { UserDetails } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

export function History({ history }: { history: UserDetails["history"] }) {
  return (
    <section class="card" aria-labelledby="history">
      <h2 id="history">History of homes</h2>
      {history.length === 0 && <p class="soft">None is kept.</p>}
      <ol class="history">
        {history.map(({ id, database, event, reason, at }) => (
          <li key={id}>
            <span>
              {event === "assigned" ? "Got" : "Left"} <HomeTag name={database} />
            </span>
            <span class="soft">{reason}</span>
            <Time at={at} />
          </li>
        ))}
      </ol>
    </section>
  );
}
