/** Makes an account, and a home with it. */
import { Google } from "../../shared/google.tsx";
import { continueWithGoogle } from "../actions/google.ts";
import { signUp } from "../actions/sign-up.ts";
import { entry, Form } from "../form.tsx";
import { Email, Password } from "./fields.tsx";
import type { Way } from "./way.ts";

export function SignUp({ go }: { go: (way: Way) => void }) {
  return (
    <>
      <Form
        label="Sign up"
        button="Sign up"
        act={async (entries) => {
          const email = entry(entries, "email");
          const isIn = await signUp(email, String(entries.get("password")));
          if (!isIn) go({ to: "confirm", email });
          return undefined;
        }}
      >
        <Email />
        <Password isNew />
      </Form>
      <Google come={continueWithGoogle} />
    </>
  );
}
