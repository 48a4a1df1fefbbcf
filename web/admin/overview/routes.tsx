/** Which routes were asked for most over the last hour, and how they fared: where errors come from, and what is slow. */
import { countOf, spanOf } from "../parts/figures.ts";
import { Pill } from "../parts/pill.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { Series } from "../parts/shapes.ts";

type Route = Series["routes"][number];
const SHOWN = 10;

export function Routes({ routes }: { routes: readonly Route[] }) {
  if (routes.length === 0) return null;
  // what fails is never hidden by what is merely asked for often
  const sorted = [...routes].sort((a, b) => b.errors - a.errors || b.requests - a.requests);
  return (
    <section class="card" aria-labelledby="routes">
      <h2 id="routes">Routes in the last hour</h2>
      <Scroll name="Routes, those with errors first">
        <table>
          <thead>
            <tr>
              <th scope="col">Route</th>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col" class="number">
                Refused
              </th>
              <th scope="col" class="number">
                Errors
              </th>
              <th scope="col" class="number">
                50 %
              </th>
              <th scope="col" class="number">
                99 %
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, SHOWN).map(({ method, route, requests, refused, errors, p50, p99 }) => (
              <tr key={`${method} ${route}`}>
                <th scope="row">
                  <code>{`${method} ${route}`}</code>
                </th>
                <td class="number">{countOf(requests)}</td>
                <td class="number">{countOf(refused)}</td>
                <td class="number">{errors > 0 ? <Pill tone="bad">{countOf(errors)}</Pill> : "0"}</td>
                <td class="number">{spanOf(inMs(p50))}</td>
                <td class="number">{spanOf(inMs(p99))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {sorted.length > SHOWN && (
        <p class="soft small">
          {`And ${countOf(sorted.length - SHOWN)} more: `}
          <code>/api/admin/metrics</code> has them all.
        </p>
      )}
    </section>
  );
}

const inMs = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1_000);
