/**
 * Every change is asked about first, in one dialog: what it is, how many it affects, and why it is made. Then the dialog says
 * what has become of it, as the API answered.
 */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Answer } from "../../shared/api.ts";
import { countedOf } from "./figures.ts";
import { type Loaded, useLive } from "./live.ts";

export interface Affected {
  count: number;
  /** with whom nothing would be done, and why */
  refused?: readonly { refused: string }[];
}

export interface Question {
  readonly title: string;
  readonly detail: ComponentChildren;
  /** what the button says: "Move" */
  readonly verb: string;
  /** of what there are so many: "user" */
  readonly noun: string;
  /** how many it would change; asked of the API, unless it is plain */
  readonly affected: () => Promise<Answer<Affected>>;
  /** makes the change; the sentence that it resolves with says what the API has done */
  readonly run: (reason: string) => Promise<Answer<string>>;
  /** when the dialog closes after a change was tried */
  readonly after: () => void;
}

interface Asking {
  readonly number: number;
  readonly asked: Question;
}
const question = signal<Asking | null>(null);
let count = 0;

/** Opens the dialog. */
export function ask(asked: Question): void {
  question.value = { number: ++count, asked };
}

/**
 * Stands once in the page. Each question has a dialog of its own: the browser tells that one is closed some time after it, and
 * by then a quick hand has asked the next.
 */
export function Asked() {
  return question.value && <AskDialog key={question.value.number} {...question.value} />;
}

function AskDialog({ number, asked }: Asking) {
  const dialog = useRef<HTMLDialogElement>(null);
  // asked again until there is an answer: whoever has the dialog open waits for it
  const affected = useLive(String(number), asked.affected, null);
  const [outcome, setOutcome] = useState<Answer<string>>();
  const [isRunning, setRunning] = useState(false);
  // before anything is painted: the next key is already the dialog's
  useLayoutEffect(() => {
    dialog.current?.showModal();
  }, []);
  const closed = () => {
    if (question.value?.number === number) question.value = null;
    if (outcome) asked.after();
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget as HTMLFormElement).get("reason")).trim();
    if (isRunning || reason === "") return;
    setRunning(true);
    setOutcome(await asked.run(reason));
    setRunning(false);
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="asked"
      onClose={closed}
      onCancel={(event) => isRunning && event.preventDefault()}
    >
      <h2 id="asked">{asked.title}</h2>
      <div class="detail">{asked.detail}</div>
      {outcome ? (
        <Outcome outcome={outcome} close={() => dialog.current?.close()} />
      ) : (
        <form onSubmit={submit}>
          <HowMany affected={affected} noun={asked.noun} />
          <label>
            Reason
            <textarea name="reason" rows={2} required maxLength={500} />
            <small>It stands in the audit, with your address.</small>
          </label>
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()} disabled={isRunning}>
              Cancel
            </button>
            <button type="submit" class="primary" disabled={isRunning || !affected.value?.count}>
              {isRunning ? "Working …" : asked.verb}
            </button>
          </div>
        </form>
      )}
    </dialog>
  );
}

function HowMany({ affected, noun }: { affected: Loaded<Affected>; noun: string }) {
  if (affected.problem)
    return (
      <p role="status" class="notice bad">
        It cannot be said how much this affects: {affected.problem.detail}
      </p>
    );
  if (!affected.value) return <p role="status">Counting what it affects …</p>;
  const { count, refused = [] } = affected.value;
  return (
    <div role="status">
      <p>
        This affects <strong>{countedOf(count, noun)}</strong>.
      </p>
      {refused.slice(0, 5).map(({ refused: why }) => (
        <p key={why} class="notice">
          {why}
        </p>
      ))}
    </div>
  );
}

function Outcome({ outcome, close }: { outcome: Answer<string>; close: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => button.current?.focus(), []);
  return (
    <>
      <p role="status" class={outcome.ok ? "notice good" : "notice bad"}>
        {outcome.ok ? outcome.value : `Not done: ${outcome.problem.detail}`}
      </p>
      <div class="actions">
        <button type="button" ref={button} onClick={close}>
          Close
        </button>
      </div>
    </>
  );
}
