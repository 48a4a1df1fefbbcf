/** One page of users. */

import { HomeTag } from "../parts/home-tag.tsx";
import { Pill } from "../parts/pill.tsx";
import { hrefOf } from "../parts/route.ts";
import { Scroll } from "../parts/scroll.tsx";
import type { User } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

export function UserTable({ users }: { users: readonly User[] }) {
  if (users.length === 0)
    return (
      <p class="card soft" role="status">
        Nobody is found so.
      </p>
    );
  return (
    <Scroll name="Users" isCard>
      <table>
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col">Home</th>
            <th scope="col">Signed up</th>
            <th scope="col">Last sign-in</th>
          </tr>
        </thead>
        <tbody>
          {users.map(({ id, email, home, state, created_at, last_sign_in_at }) => (
            <tr key={id}>
              <th scope="row">
                <a href={hrefOf("users", id)}>{email ?? id}</a>
                {email && <code class="id soft">{id}</code>}
              </th>
              <td>
                <HomeTag name={home} /> {state === "moving" && <Pill tone="warn">Moving</Pill>}
              </td>
              <td>
                <Time at={created_at} />
              </td>
              <td>
                <Time at={last_sign_in_at} none="never" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
