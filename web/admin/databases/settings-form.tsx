/** What can be changed of a database. Only what differs is asked for. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Answer, answerOf, api } from "../../shared/api.ts";
import { ask } from "../parts/ask.tsx";
import { countOf, sizeOf } from "../parts/figures.ts";
import type { Database } from "../parts/shapes.ts";

type Settings = Pick<Database, "accepting" | "weight" | "capacity_users" | "capacity_bytes">;
interface SettingsFormProps {
  readonly database: Database;
  readonly after: () => Promise<void>;
  readonly close: () => void;
}
const MEGABYTE = 1024 ** 2;

export function SettingsForm({ database, after, close }: SettingsFormProps) {
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => form.current?.querySelector("input")?.focus(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const changes = changesOf(database, new FormData(event.currentTarget as HTMLFormElement));
    if (Object.keys(changes).length === 0) return close();
    ask({
      title: `Change ${database.name}`,
      detail: (
        <ul class="differences">
          {sentencesOf(database, changes).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      ),
      verb: "Change",
      noun: "database",
      affected: async () => {
        const answer = await change(database.name, changes, "asked first", true);
        return answer.ok ? { ...answer, value: { count: 1, refused: answer.value.warnings } } : answer;
      },
      run: async (reason) => {
        const answer = await change(database.name, changes, reason, false);
        return answer.ok ? { ...answer, value: answer.value.said } : answer;
      },
      after: () => {
        close();
        void after();
      },
    });
  };
  const megabytes = database.capacity_bytes === null ? "" : database.capacity_bytes / MEGABYTE;
  return (
    <form ref={form} class="settings" onSubmit={submit}>
      <label class="check">
        <input name="accepting" type="checkbox" defaultChecked={database.accepting === true} />
        Takes new users
      </label>
      <label>
        Weight
        <input name="weight" type="number" min="0.001" step="any" required defaultValue={database.weight ?? ""} />
        <small>Of two databases, one with twice the weight gets twice the users.</small>
      </label>
      <label>
        Room for users
        <input name="capacity_users" type="number" min="0" step="1" defaultValue={database.capacity_users ?? ""} />
        <small>Empty: no limit.</small>
      </label>
      <label>
        Room in MB
        <input name="capacity_bytes" type="number" min="0.001" step="any" defaultValue={megabytes} />
        <small>What its provider gives. Empty: not known.</small>
      </label>
      <div class="actions">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Change …
        </button>
      </div>
    </form>
  );
}

/** What the form says otherwise than the database. */
function changesOf(now: Settings, form: FormData): Partial<Settings> {
  const numberOf = (name: string) => {
    const text = String(form.get(name) ?? "").trim();
    return text === "" ? null : Number(text);
  };
  const megabytes = numberOf("capacity_bytes");
  const wanted: Settings = {
    accepting: form.get("accepting") !== null,
    weight: numberOf("weight"),
    capacity_users: numberOf("capacity_users"),
    capacity_bytes: megabytes === null ? null : Math.round(megabytes * MEGABYTE),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => value !== now[name as keyof Settings]),
  ) as Partial<Settings>;
}

function sentencesOf(now: Settings, changes: Partial<Settings>): string[] {
  const said: string[] = [];
  if (changes.accepting !== undefined)
    said.push(changes.accepting ? "New users may get it." : "New users get another home. Who lives there stays.");
  if (changes.weight !== undefined) said.push(`Weight: ${now.weight} → ${changes.weight}`);
  const limit = (value: number | null, show: (value: number) => string) => (value === null ? "no limit" : show(value));
  if (changes.capacity_users !== undefined)
    said.push(`Room for users: ${limit(now.capacity_users, countOf)} → ${limit(changes.capacity_users, countOf)}`);
  if (changes.capacity_bytes !== undefined)
    said.push(`Room: ${limit(now.capacity_bytes, sizeOf)} → ${limit(changes.capacity_bytes, sizeOf)}`);
  return said;
}

interface Outcome {
  said: string;
  warnings: { refused: string }[];
}

async function change(
  name: string,
  { weight, ...changes }: Partial<Settings>,
  reason: string,
  isRehearsal: boolean,
): Promise<Answer<Outcome>> {
  const answer = await answerOf(
    api.admin.databases[":name"].$patch({
      param: { name },
      query: { dry_run: isRehearsal ? "true" : "false" },
      header: {},
      json: { ...definedOf(changes), ...(weight ? { weight } : {}), reason },
    }),
  );
  if (!answer.ok) return answer;
  const { database, takes_sign_ups: takesSignUps } = answer.value;
  const warning = "Then no database takes new users: nobody can sign up.";
  const said = `${database.name} ${database.accepting ? "takes" : "takes no"} new users, with weight ${database.weight}.`;
  return {
    ...answer,
    value: {
      said: takesSignUps ? said : `${said} No database takes new users now: nobody can sign up.`,
      warnings: takesSignUps ? [] : [{ refused: warning }],
    },
  };
}

/** Null says something, undefined does not. */
function definedOf({ accepting, capacity_users, capacity_bytes }: Partial<Settings>) {
  return {
    ...(accepting == null ? {} : { accepting }),
    ...(capacity_users === undefined ? {} : { capacity_users }),
    ...(capacity_bytes === undefined ? {} : { capacity_bytes }),
  };
}
