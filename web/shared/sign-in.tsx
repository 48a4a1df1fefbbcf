/** The form to sign in with a password. */
import { useState } from "preact/hooks";
import { signIn } from "./session.ts";

export function SignIn({ title }: { title: string }) {
  const [said, setSaid] = useState("");
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
      </form>
    </main>
  );
}
