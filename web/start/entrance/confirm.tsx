/** An address that has yet to be confirmed. */
import { useState } from "preact/hooks";
import { sendConfirmation } from "../actions/confirm.ts";
import { useLostFocus } from "../focus.ts";
import { Form } from "../form.tsx";
import { MailSent } from "./mail-sent.tsx";
import type { Way } from "./way.ts";

export function Confirm({ email, go }: { email: string; go: (way: Way) => void }) {
  const [sent, setSent] = useState(1);
  const heading = useLostFocus<HTMLHeadingElement>();
  return (
    <>
      <h2 ref={heading} tabIndex={-1}>
        Confirm your address
      </h2>
      <MailSent key={sent} email={email} of={sent === 1 ? "A mail" : "Another mail"} />
      <Form
        label="Confirm your address"
        button="Send it again"
        more={
          <button type="button" class="plain" onClick={() => go({ to: "sign-in" })}>
            Back to signing in
          </button>
        }
        act={async () => {
          await sendConfirmation(email);
          setSent(sent + 1);
          return undefined;
        }}
      >
        <p class="soft">An address that is known already gets no mail: then sign in, or ask for a new password.</p>
      </Form>
    </>
  );
}
