/** One database: how it fares, its settings, and the form that changes them. */
import { useState } from "preact/hooks";
import { ChangeButton } from "../parts/change-button.tsx";
import { countOf, percentOf, sizeOf, spanOf, UNKNOWN } from "../parts/figures.ts";
import { Health } from "../parts/health.tsx";
import { HomeTag } from "../parts/home-tag.tsx";
import { useKeptFocus } from "../parts/kept-focus.ts";
import { Pill } from "../parts/pill.tsx";
import type { Database } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";
import { SettingsForm } from "./settings-form.tsx";

export function DatabaseCard({ database, after }: { database: Database; after: () => Promise<void> }) {
  const [isChanging, setChanging] = useState(false);
  // from the form back to what has opened it
  const card = useKeptFocus<HTMLElement>("button");
  const {
    name,
    kind,
    accepting,
    health,
    user_count: users,
    capacity_users,
    bytes,
    capacity_bytes,
    sized_at,
  } = database;
  const id = `database-${name}`;
  return (
    <section ref={card} class="card" aria-labelledby={id}>
      <div class="row">
        <h2 id={id}>
          <HomeTag name={name} />
        </h2>
        <Health connected={health.connected} state={health.state} />
        {accepting !== null && (
          <Pill tone={accepting ? "good" : "quiet"}>{accepting ? "Takes new users" : "Takes no new users"}</Pill>
        )}
        <span class="end">
          {!isChanging && accepting !== null && <ChangeButton onClick={() => setChanging(true)}>Change …</ChangeButton>}
        </span>
      </div>
      <dl class="facts">
        <Fact name="Engine" value={kind} />
        <Fact name="Latency" value={spanOf(health.latency_ms)} />
        <Fact name="Weight" value={database.weight === null ? UNKNOWN : String(database.weight)} />
        <Fact name="Users" value={ofCapacity(countOf(users), users, capacity_users, countOf)} />
        <Fact name="Size" value={ofCapacity(sizeOf(bytes), bytes, capacity_bytes, sizeOf)} />
        <div>
          <dt>Size measured</dt>
          <dd>
            <Time at={sized_at} none="not yet" />
          </dd>
        </div>
      </dl>
      {health.error && <p class="notice">{health.error}</p>}
      {isChanging && <SettingsForm database={database} after={after} close={() => setChanging(false)} />}
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** `12 of 100 (12 %)`; what has no limit is itself. */
function ofCapacity(
  said: string,
  value: number | null,
  capacity: number | null,
  show: (value: number) => string,
): string {
  if (value === null || capacity === null) return said;
  return `${said} of ${show(capacity)} (${percentOf(value, capacity)})`;
}
