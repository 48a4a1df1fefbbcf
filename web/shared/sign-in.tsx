/** The way in: with a password, or with Google where the project has it. */
import { useState } from "preact/hooks";
import { Google } from "./google.tsx";
import { refusal } from "./landed.ts";
import { keepPlace } from "./place-before.ts";
import { auth, signIn } from "./session.ts";

let unsaid = refusal ?? "";
/** Why Google did not sign them in; once, and not again after they have come and gone. */
function sayRefusal(): string {
  const said = unsaid;
  unsaid = "";
  return said;
}

/** The browser goes to Google and comes back to this page, and to what of it was open, signed in. */
async function continueWithGoogle(): Promise<void> {
  const client = await auth();
  keepPlace();
  const { error } = await client.signInWithOAuth({
    provider: "google",
    options: { redirectTo: `${location.origin}${location.pathname}` },
  });
  if (error) throw error;
}

export function SignIn({ title }: { title: string }) {
  const [said, setSaid] = useState(sayRefusal);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    const refused = await signIn(String(form.get("email")), String(form.get("password"))).catch(
      () => "The API did not answer, so there is nobody to sign in with.",
    );
    setBusy(false);
    setSaid(refused ?? "");
  };
  return (
    <main class="sign-in">
      <h1>{title}</h1>
      <form class="card" onSubmit={submit}>
        <label>
          E-mail
          <input name="email" type="email" autocomplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <button type="submit" class="primary" disabled={isBusy}>
          Sign in
        </button>
        <p role="alert" class={said ? "notice bad" : undefined}>
          {said}
        </p>
        <Google come={continueWithGoogle} />
      </form>
    </main>
  );
}
