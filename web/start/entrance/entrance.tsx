/** The way in: signing up or in, with a password or with Google, and what to do without either. */
import { useState } from "preact/hooks";
import { refusal } from "../../shared/landed.ts";
import type { SourceName } from "../code/sources.ts";
import { Step } from "../step.tsx";
import { Confirm } from "./confirm.tsx";
import { Forgot } from "./forgot.tsx";
import { SignIn } from "./sign-in.tsx";
import { SignUp } from "./sign-up.tsx";
import type { Way } from "./way.ts";

const FILES: Readonly<Record<Way["to"], readonly SourceName[]>> = {
  "sign-up": ["actions/sign-up.ts", "actions/google.ts"],
  "sign-in": ["actions/sign-in.ts", "actions/google.ts"],
  forgot: ["actions/reset-password.ts"],
  confirm: ["actions/confirm.ts"],
};

export function Entrance() {
  const [way, setWay] = useState<Way>({ to: refusal === null ? "sign-up" : "sign-in" });
  return (
    <>
      <div class="hero">
        <h1>One sign-in, and a home for your records.</h1>
        <p>
          Sign up, and one of the databases becomes your home: it keeps your records, and the API finds it by your
          token. This page is a whole client of that API; beside each step is the code that does it.
        </p>
      </div>
      {refusal !== null && <p class="notice bad">{refusal}</p>}
      <Step files={FILES[way.to]}>
        {(way.to === "sign-up" || way.to === "sign-in") && (
          <fieldset class="choice">
            <legend class="seen-by-readers">New here, or not</legend>
            <button type="button" aria-pressed={way.to === "sign-up"} onClick={() => setWay({ to: "sign-up" })}>
              Sign up
            </button>
            <button type="button" aria-pressed={way.to === "sign-in"} onClick={() => setWay({ to: "sign-in" })}>
              Sign in
            </button>
          </fieldset>
        )}
        {way.to === "sign-up" && <SignUp go={setWay} />}
        {way.to === "sign-in" && <SignIn go={setWay} />}
        {way.to === "forgot" && <Forgot go={setWay} />}
        {way.to === "confirm" && <Confirm email={way.email} go={setWay} />}
      </Step>
    </>
  );
}
