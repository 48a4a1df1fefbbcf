/** What is wrong just now, in the words of the alerts. */
import { Pill } from "../parts/pill.tsx";
import type { Alert } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

export function Alerts({ alerts }: { alerts: readonly Alert[] | undefined }) {
  if (!alerts || alerts.length === 0) return null;
  return (
    <section class="card alerts" aria-labelledby="alerts">
      <h2 id="alerts">What is wrong</h2>
      <ul>
        {alerts.map(({ id, subject, detail, began_at }) => (
          <li key={id}>
            <Pill tone="bad">{subject}</Pill>
            <span>{detail}</span>
            <span class="soft">
              since <Time at={began_at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
