/** How the copy of each collection stands. */

import { countOf } from "../parts/figures.ts";
import { Pill } from "../parts/pill.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { Replication } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

export function Collections({ copy }: { copy: Replication }) {
  return (
    <section class="card" aria-labelledby="collections">
      <h2 id="collections">Collections</h2>
      {copy.unsent === null && <p class="soft">MongoDB does not say what Supabase does not have yet.</p>}
      <Scroll name="The copy of each collection">
        <table>
          <thead>
            <tr>
              <th scope="col">Collection</th>
              <th scope="col">Ways</th>
              <th scope="col" class="number">
                Pending
              </th>
              <th scope="col" class="number">
                Refused
              </th>
              <th scope="col" class="number">
                Dead
              </th>
              <th scope="col" class="number">
                Not yet back
              </th>
              <th scope="col">Brought up</th>
            </tr>
          </thead>
          <tbody>
            {copy.collections.map(({ collection, both_ways, pending, failing, dead, backfill }) => (
              <tr key={collection}>
                <th scope="row">{collection}</th>
                <td>{both_ways ? "Both" : "To MongoDB"}</td>
                <td class="number">{countOf(pending)}</td>
                <td class="number">{countOf(failing)}</td>
                <td class="number">{dead > 0 ? <Pill tone="bad">{countOf(dead)}</Pill> : "0"}</td>
                <td class="number">{countOf(copy.unsent?.find((one) => one.collection === collection)?.pending)}</td>
                <td>
                  {backfill === null ? (
                    <span class="soft">never</span>
                  ) : backfill.done_at ? (
                    <Time at={backfill.done_at} />
                  ) : (
                    `${countOf(backfill.marked)} so far`
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
