/** For whoever has an account. */
import { Google } from "../../shared/google.tsx";
import { continueWithGoogle } from "../actions/google.ts";
import { signIn } from "../actions/sign-in.ts";
import { entry, Form } from "../form.tsx";
import { Email, Password } from "./fields.tsx";
import type { Way } from "./way.ts";

export function SignIn({ go }: { go: (way: Way) => void }) {
  const forgot = (
    <button type="button" class="plain" onClick={() => go({ to: "forgot" })}>
      Forgot your password?
    </button>
  );
  return (
    <>
      <Form
        label="Sign in"
        button="Sign in"
        more={forgot}
        act={async (entries) => {
          const email = entry(entries, "email");
          const isIn = await signIn(email, String(entries.get("password")));
          if (!isIn) go({ to: "confirm", email });
          return undefined;
        }}
      >
        <Email />
        <Password />
      </Form>
      <Google come={continueWithGoogle} />
    </>
  );
}
