/** A record that somebody has changed meanwhile: as it is now, beside what was to become of it. */
import { useState } from "preact/hooks";
import type { NewExpense } from "../actions/add.ts";
import { useLostFocus } from "../focus.ts";
import type { Expense } from "./book.ts";
import { calendarDayOf } from "./words.ts";

type Shown = Omit<NewExpense, "category_id">;

interface TheirsProps {
  readonly theirs: Expense;
  /** null: it was to be deleted */
  readonly mine: Shown | null;
  readonly onKeep: () => void;
  /** resolves with what there is to say, if it could not be done */
  readonly onInsist: () => Promise<string | undefined>;
}

export function Theirs({ theirs, mine, onKeep, onInsist }: TheirsProps) {
  const [said, setSaid] = useState("");
  const keep = useLostFocus<HTMLButtonElement>();
  return (
    <div class="theirs">
      <p class="notice" role="alert">
        Somebody changed this expense meanwhile.
      </p>
      <dl class="facts">
        <div>
          <dt>It is now</dt>
          <dd>{lineOf(theirs)}</dd>
        </div>
        <div>
          <dt>You wanted</dt>
          <dd>{mine ? lineOf(mine) : "it deleted"}</dd>
        </div>
      </dl>
      <div class="press">
        <button type="button" class="primary" ref={keep} onClick={onKeep}>
          Keep it as it is
        </button>
        <button type="button" onClick={async () => setSaid((await onInsist()) ?? "")}>
          {mine ? "Save mine over it" : "Delete it all the same"}
        </button>
      </div>
      <p role="alert" class={said ? "notice bad" : "seen-by-readers"}>
        {said}
      </p>
    </div>
  );
}

const lineOf = ({ amount, currency, date, description }: Shown): string =>
  [`${amount} ${currency}`, calendarDayOf(date), description].filter(Boolean).join(" · ");
