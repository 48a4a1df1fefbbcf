/** A form that does one thing: while it is done it takes no second press, and what there is to say stands below it. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { saidByAuth } from "../shared/session.ts";

interface FormProps {
  /** what its button says */
  readonly button: string;
  readonly label: string;
  /** resolves with what there is to say, if anything */
  readonly act: (entries: FormData, form: HTMLFormElement) => Promise<string | undefined>;
  readonly class?: string;
  readonly children: ComponentChildren;
  /** beside the button */
  readonly more?: ComponentChildren;
}

export function Form({ button, label, act, class: name, children, more }: FormProps) {
  const [said, setSaid] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    // Enter in a field comes here, too, however the button stands
    if (isBusy) return;
    const form = event.currentTarget as HTMLFormElement;
    setBusy(true);
    setSaid(await act(new FormData(form), form).catch(saidByAuth));
    setBusy(false);
  };
  return (
    <form class={name} aria-label={label} aria-busy={isBusy} onSubmit={submit}>
      {children}
      <div class="press">
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {button}
        </button>
        {more}
      </div>
      <p role="alert" class={said ? "notice bad" : "seen-by-readers"}>
        {said}
      </p>
    </form>
  );
}

/** What stands in a field, without the spaces around it. */
export const entry = (entries: FormData, name: string): string => String(entries.get(name) ?? "").trim();
