/** Whoever came by the link of that mail is signed in, and sets another password. */
import { setPassword } from "../actions/reset-password.ts";
import { Form } from "../form.tsx";
import { Step } from "../step.tsx";
import { Password } from "./fields.tsx";

export function NewPassword({ onSet }: { onSet: () => void }) {
  return (
    <Step files={["actions/reset-password.ts"]}>
      <h1>Set a new password</h1>
      <Form
        label="Set a new password"
        button="Set it"
        act={async (entries) => {
          await setPassword(String(entries.get("password")));
          onSet();
          return undefined;
        }}
      >
        <Password isNew />
      </Form>
    </Step>
  );
}
