/** The distribution of users and bytes over the homes: two bars, and the numbers that they are made of. */

import { countOf, percentOf, sizeOf, UNKNOWN } from "../parts/figures.ts";
import { colourOf, HomeTag } from "../parts/home-tag.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { HomeState } from "../parts/shapes.ts";

export function Distribution({ homes }: { homes: readonly HomeState[] | undefined }) {
  if (!homes) return <section class="card waiting">Counting …</section>;
  const users = sumOf(homes.map(({ totalUsers }) => totalUsers));
  const bytes = sumOf(homes.map(({ bytes: size }) => size));
  return (
    <section class="card" aria-labelledby="distribution">
      <h2 id="distribution">Where users live</h2>
      <div class="bars">
        <Bar name="Users" homes={homes} of={({ totalUsers }) => totalUsers} />
        <Bar name="Bytes" homes={homes} of={({ bytes: size }) => size} />
      </div>
      <Scroll name="Users and bytes of each home">
        <table>
          <thead>
            <tr>
              <th scope="col">Home</th>
              <th scope="col" class="number">
                Users
              </th>
              <th scope="col" class="number">
                Share
              </th>
              <th scope="col" class="number">
                Size
              </th>
              <th scope="col" class="number">
                Share
              </th>
              <th scope="col" class="number">
                Of its capacity
              </th>
            </tr>
          </thead>
          <tbody>
            {homes.map(({ name, totalUsers, bytes: size, capacity_bytes: capacity }) => (
              <tr key={name}>
                <th scope="row">
                  <HomeTag name={name} />
                </th>
                <td class="number">{countOf(totalUsers)}</td>
                <td class="number">{totalUsers === null ? UNKNOWN : percentOf(totalUsers, users)}</td>
                <td class="number">{sizeOf(size)}</td>
                <td class="number">{size === null ? UNKNOWN : percentOf(size, bytes)}</td>
                <td class="number">{size === null || capacity === null ? UNKNOWN : percentOf(size, capacity)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

const sumOf = (values: readonly (number | null)[]): number =>
  values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

interface BarProps {
  readonly name: string;
  readonly homes: readonly HomeState[];
  readonly of: (home: HomeState) => number | null;
}

/** In SVG, whose lengths are attributes: the policy of the pages lets no style be written into them. */
function Bar({ name, homes, of }: BarProps) {
  const all = sumOf(homes.map(of));
  let left = 0;
  const parts = homes.map((home) => {
    const width = all === 0 ? 0 : ((of(home) ?? 0) / all) * 100;
    const part = { home: home.name, left, width };
    left += width;
    return part;
  });
  return (
    <div class="bar">
      <span>{name}</span>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(({ home, left: x, width }) => (
          <rect key={home} class={colourOf(home)} x={x} y={0} width={Math.max(width - 0.2, 0)} height={1} />
        ))}
      </svg>
    </div>
  );
}
