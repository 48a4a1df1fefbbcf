/** The way in without a password, where the project has it. */
import { useState } from "preact/hooks";
import { project } from "./project.ts";
import { saidByAuth } from "./session.ts";

/** `come`: takes the browser to Google. */
export function Google({ come }: { come: () => Promise<void> }) {
  const [said, setSaid] = useState("");
  if (!project.value.hasGoogle) return null;
  return (
    <div class="other-way">
      <p class="or soft">or</p>
      <button type="button" onClick={() => come().catch((error) => setSaid(saidByAuth(error)))}>
        Continue with Google
      </button>
      <p role="alert" class={said ? "notice bad" : "seen-by-readers"}>
        {said}
      </p>
    </div>
  );
}
