/** The distribution of users and bytes over the homes. */
import { countOf, percentOf, sizeOf, spanOf, UNKNOWN } from "../figures.ts";

interface Home {
  name: string;
  kind: string;
  totalUsers: number | null;
  bytes: number | null;
  capacity_bytes: number | null;
  accepting: boolean | null;
  connected: boolean;
}
interface HomeHealth {
  name: string;
  connected: boolean;
  latencyMs: number | null;
}

export function Homes({ homes, health }: { homes: readonly Home[]; health: readonly HomeHealth[] | undefined }) {
  const users = homes.reduce((sum, { totalUsers }) => sum + (totalUsers ?? 0), 0);
  return (
    <section class="card" aria-labelledby="homes">
      <h2 id="homes">Where users live</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Database</th>
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
              Latency
            </th>
          </tr>
        </thead>
        <tbody>
          {homes.map(({ name, totalUsers, bytes }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{countOf(totalUsers)}</td>
              <td class="number">{totalUsers === null ? UNKNOWN : percentOf(totalUsers, users)}</td>
              <td class="number">{sizeOf(bytes)}</td>
              <td class="number">{spanOf(health?.find((one) => one.name === name)?.latencyMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
