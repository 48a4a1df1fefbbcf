/** What a user keeps, collection by collection. */

import { countOf, sizeOf } from "../parts/figures.ts";
import { HomeTag } from "../parts/home-tag.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { UserDetails } from "../parts/shapes.ts";

export function Holdings({ collections }: { collections: UserDetails["collections"] }) {
  // what is empty would hide the rest; what is not known is shown
  const shown = collections.filter(({ records }) => records !== 0);
  const sum = (values: readonly (number | null)[]) => values.reduce<number>((all, value) => all + (value ?? 0), 0);
  return (
    <section class="card" aria-labelledby="holdings">
      <h2 id="holdings">What they keep</h2>
      {shown.length === 0 ? (
        <p class="soft">No records yet.</p>
      ) : (
        <Scroll name="What they keep, by collection">
          <table>
            <thead>
              <tr>
                <th scope="col">Collection</th>
                <th scope="col">In</th>
                <th scope="col" class="number">
                  Records
                </th>
                <th scope="col" class="number">
                  Size
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ collection, database, records, bytes }) => (
                <tr key={`${collection}.${database}`}>
                  <th scope="row">{collection}</th>
                  <td>
                    <HomeTag name={database} />
                  </td>
                  <td class="number">{countOf(records)}</td>
                  <td class="number">{sizeOf(bytes)}</td>
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row">Together</th>
                <td />
                <td class="number">{countOf(sum(shown.map(({ records }) => records)))}</td>
                <td class="number">{sizeOf(sum(shown.map(({ bytes }) => bytes)))}</td>
              </tr>
            </tfoot>
          </table>
        </Scroll>
      )}
      {shown.some(({ records }) => records === null) && (
        <p class="soft">A dash: the database does not say now. The sum is without it.</p>
      )}
    </section>
  );
}
