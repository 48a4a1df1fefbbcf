/** The fields of the forms here, as password managers know them, and the other way in. */
import { useState } from "preact/hooks";
import { saidByAuth } from "../../shared/session.ts";
import { continueWithGoogle } from "../actions/google.ts";
import { project } from "../project.ts";

export function Email() {
  return (
    <label>
      E-mail
      <input name="email" type="email" autocomplete="username" required />
    </label>
  );
}

export function Password({ isNew = false }: { isNew?: boolean }) {
  return (
    <label>
      {isNew ? "New password" : "Password"}
      <input
        name="password"
        type="password"
        autocomplete={isNew ? "new-password" : "current-password"}
        minLength={isNew ? 8 : undefined}
        aria-describedby={isNew ? "password-rule" : undefined}
        required
      />
      {isNew && <small id="password-rule">At least 8 characters</small>}
    </label>
  );
}

/** Only where the project has it. */
export function Google() {
  const [said, setSaid] = useState("");
  if (!project.value.hasGoogle) return null;
  return (
    <div class="other-way">
      <p class="or soft">or</p>
      <button type="button" onClick={() => continueWithGoogle().catch((error) => setSaid(saidByAuth(error)))}>
        Continue with Google
      </button>
      <p role="alert" class={said ? "notice bad" : "seen-by-readers"}>
        {said}
      </p>
    </div>
  );
}
