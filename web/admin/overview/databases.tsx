/** Health and latency of each database. */

import { spanOf, UNKNOWN } from "../parts/figures.ts";
import { Health } from "../parts/health.tsx";
import { HomeTag } from "../parts/home-tag.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { HomeHealth, HomeState, Metrics } from "../parts/shapes.ts";

interface DatabasesProps {
  readonly homes: readonly HomeState[] | undefined;
  readonly health: readonly HomeHealth[] | undefined;
  readonly metrics: Metrics["databases"] | undefined;
}

export function Databases({ homes, health, metrics }: DatabasesProps) {
  if (!health) return null;
  return (
    <section class="card" aria-labelledby="databases">
      <h2 id="databases">Databases</h2>
      <Scroll name="How each database fares">
        <table>
          <thead>
            <tr>
              <th scope="col">Database</th>
              <th scope="col">Kind</th>
              <th scope="col">Health</th>
              <th scope="col" class="number">
                Latency
              </th>
              <th scope="col">New users</th>
              <th scope="col">Connections</th>
            </tr>
          </thead>
          <tbody>
            {health.map(({ name, kind, connected, latencyMs, state }) => {
              const pool = metrics?.find((one) => one.name === name)?.pool;
              return (
                <tr key={name}>
                  <th scope="row">
                    <HomeTag name={name} />
                  </th>
                  <td>{kind}</td>
                  <td>
                    <Health connected={connected} state={state} />
                  </td>
                  <td class="number">{spanOf(latencyMs)}</td>
                  <td>{acceptingOf(homes?.find((home) => home.name === name)?.accepting)}</td>
                  <td>{pool ? `${pool.open} open, ${pool.busy} busy` : UNKNOWN}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

const acceptingOf = (accepting: boolean | null | undefined): string =>
  accepting == null ? UNKNOWN : accepting ? "Accepted" : "Not accepted";
