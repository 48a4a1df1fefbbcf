/** What the page shows: the way in, or what somebody has who is in. */
import { useState } from "preact/hooks";
import { cameToResetPassword } from "../shared/landed.ts";
import { session } from "../shared/session.ts";
import { Account } from "./account/account.tsx";
import { Entrance } from "./entrance/entrance.tsx";
import { NewPassword } from "./entrance/new-password.tsx";
import { Frame } from "./frame.tsx";

export function Start() {
  const [isResetting, setResetting] = useState(cameToResetPassword);
  if (session.value === undefined)
    return (
      <Frame>
        <p class="soft">Looking up who is signed in …</p>
      </Frame>
    );
  if (session.value === null)
    return (
      <Frame>
        <Entrance />
      </Frame>
    );
  return (
    <Frame email={session.value.user.email}>
      {isResetting ? <NewPassword onSet={() => setResetting(false)} /> : <Account key={session.value.user.id} />}
    </Frame>
  );
}
