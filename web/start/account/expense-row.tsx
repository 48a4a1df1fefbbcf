/** One expense: shown, being changed, or being deleted; and what there is to decide when somebody else was first (412). */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { NewExpense } from "../actions/add.ts";
import { changeExpense, readExpense } from "../actions/change.ts";
import { removeExpense } from "../actions/remove.ts";
import { takeLostFocus, useLostFocus } from "../focus.ts";
import { Form } from "../form.tsx";
import { saidOf } from "../refused.ts";
import type { Expense } from "./book.ts";
import { ExpenseFields, expenseIn } from "./expense-fields.tsx";
import { Theirs } from "./theirs.tsx";
import { calendarDayOf } from "./words.ts";

type Changes = Omit<NewExpense, "category_id">;
/** `theirs`: what it is now, where that is not what it was when it was read. */
type State = { is: "shown" | "changing" | "leaving" } | { is: "overtaken"; theirs: Expense; mine: Changes | null };

interface RowProps {
  readonly expense: Expense;
  readonly category: string | undefined;
  readonly onChanged: (expense: Expense) => void;
  readonly onGone: (id: string, why: string) => void;
}

const GONE = "Somebody has deleted it meanwhile.";

export function ExpenseRow({ expense, category, onChanged, onGone }: RowProps) {
  const [state, setState] = useState<State>({ is: "shown" });
  const edit = useRef<HTMLButtonElement>(null);
  const was = useRef(state.is);
  // the button that was pressed is gone: the keyboard goes on where the row begins
  useLayoutEffect(() => {
    if (state.is === "shown" && was.current !== "shown") takeLostFocus(edit.current);
    was.current = state.is;
  }, [state.is]);
  const show = () => setState({ is: "shown" });

  /** What to do when the version is not the present one, or nothing is there any more. */
  const catchUp = async (mine: Changes | null): Promise<string | undefined> => {
    const answer = await readExpense(expense.id);
    if (!answer.ok && answer.problem.status === 404) onGone(expense.id, GONE);
    if (!answer.ok) return saidOf(answer.problem);
    const theirs = answer.value;
    onChanged(theirs);
    // a try of our own may have been answered too late to be heard of
    if (mine && isSame(mine, theirs)) show();
    else setState({ is: "overtaken", theirs, mine });
    return undefined;
  };
  const change = async (mine: Changes, version = expense.version): Promise<string | undefined> => {
    const answer = await changeExpense({ id: expense.id, version }, mine);
    if (answer.ok) {
      onChanged(answer.value);
      show();
      return undefined;
    }
    const { status } = answer.problem;
    return status === 412 || status === 404 ? catchUp(mine) : saidOf(answer.problem);
  };
  const remove = async (version = expense.version): Promise<string | undefined> => {
    const answer = await removeExpense(expense.id, version);
    // or it was deleted by a try that was answered too late
    if (answer.ok || answer.problem.status === 404) onGone(expense.id, "Deleted.");
    else return answer.problem.status === 412 ? catchUp(null) : saidOf(answer.problem);
    return undefined;
  };

  const name = expense.description ?? "Expense";
  if (state.is === "changing")
    return (
      <li>
        <Form
          class="expense"
          label={`Change ${name}`}
          button="Save"
          act={(entries) => change(expenseIn(entries))}
          more={
            <button type="button" class="plain" onClick={show}>
              Cancel
            </button>
          }
        >
          <ExpenseFields of={expense} />
        </Form>
      </li>
    );
  if (state.is === "overtaken") {
    const { theirs, mine } = state;
    return (
      <li>
        <Theirs
          theirs={theirs}
          mine={mine}
          onKeep={show}
          onInsist={() => (mine ? change(mine, theirs.version) : remove(theirs.version))}
        />
      </li>
    );
  }
  return (
    <li class="row">
      <div>
        <p class="for">{name}</p>
        <p class="soft">
          {calendarDayOf(expense.date)}
          {category && ` · ${category}`}
        </p>
      </div>
      <p class="amount">
        {expense.amount} <span class="soft">{expense.currency}</span>
      </p>
      {state.is === "shown" ? (
        <div class="doing">
          <button
            type="button"
            class="plain"
            ref={edit}
            aria-label={`Change ${name}`}
            onClick={() => setState({ is: "changing" })}
          >
            Change
          </button>
          <button type="button" class="plain" aria-label={`Delete ${name}`} onClick={() => setState({ is: "leaving" })}>
            Delete
          </button>
        </div>
      ) : (
        <Leaving onDelete={() => remove()} onKeep={show} />
      )}
    </li>
  );
}

/** Asks first, and has the keyboard. */
function Leaving({ onDelete, onKeep }: { onDelete: () => Promise<string | undefined>; onKeep: () => void }) {
  const [said, setSaid] = useState("");
  const yes = useLostFocus<HTMLButtonElement>();
  return (
    <div class="doing">
      <button type="button" class="plain bad" ref={yes} onClick={async () => setSaid((await onDelete()) ?? "")}>
        Delete it
      </button>
      <button type="button" class="plain" onClick={onKeep}>
        Keep it
      </button>
      {said && (
        <p class="notice bad" role="alert">
          {said}
        </p>
      )}
    </div>
  );
}

/** As the database writes the amount, `12.5` is `12.50`. */
const isSame = (mine: Changes, theirs: Expense): boolean =>
  Number(mine.amount) === Number(theirs.amount) &&
  mine.currency === theirs.currency &&
  mine.date === theirs.date &&
  mine.description === theirs.description;
