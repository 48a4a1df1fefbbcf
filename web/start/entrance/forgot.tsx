/** A password that was forgotten: the mail that leads to a new one. */
import { useState } from "preact/hooks";
import { sendReset } from "../actions/reset-password.ts";
import { useLostFocus } from "../focus.ts";
import { entry, Form } from "../form.tsx";
import { Email } from "./fields.tsx";
import { MailSent } from "./mail-sent.tsx";
import type { Way } from "./way.ts";

export function Forgot({ go }: { go: (way: Way) => void }) {
  const [email, setEmail] = useState<string>();
  const heading = useLostFocus<HTMLHeadingElement>();
  return (
    <>
      <h2 ref={heading} tabIndex={-1}>
        Forgot your password?
      </h2>
      {email !== undefined && <MailSent email={email} of="If there is such an account, a mail" />}
      <Form
        label="Forgot your password"
        button="Send me a link"
        more={
          <button type="button" class="plain" onClick={() => go({ to: "sign-in" })}>
            Back to signing in
          </button>
        }
        act={async (entries) => {
          const to = entry(entries, "email");
          await sendReset(to);
          setEmail(to);
          return undefined;
        }}
      >
        <Email />
      </Form>
    </>
  );
}
