/** The expenses that have been read so far, newest first. */
import { useRef, useState } from "preact/hooks";
import { listExpenses } from "../actions/list.ts";
import { saidOf } from "../refused.ts";
import { momentOf } from "./words.ts";

type Page = Extract<Awaited<ReturnType<typeof listExpenses>>, { ok: true }>["value"];
export type Expense = Page["items"][number];

interface Read {
  /** undefined: none yet */
  readonly items: readonly Expense[] | undefined;
  readonly cursor: string | null;
  /** where they were read, when that is not where they are kept */
  readonly source: string | null;
  readonly said: string;
}

export function useBook() {
  const [read, setRead] = useState<Read>({ items: undefined, cursor: null, source: null, said: "" });
  const loads = useRef(0);
  const next = async (cursor?: string) => {
    if (cursor === undefined) loads.current++;
    const load = loads.current;
    const answer = await listExpenses(cursor);
    // answers may overtake one another: what was asked later knows more
    if (load !== loads.current) return;
    setRead((before) => {
      if (cursor !== undefined && before.cursor !== cursor) return before;
      if (!answer.ok) return { ...before, said: saidOf(answer.problem) };
      const { items, next_cursor } = answer.value;
      return {
        items: cursor === undefined ? items : [...(before.items ?? []), ...items],
        cursor: next_cursor,
        source: sourceOf(answer.headers),
        said: "",
      };
    });
  };
  return {
    ...read,
    load: () => next(),
    more: () => next(read.cursor ?? undefined),
    /** Puts a record in the place of what it was. */
    replace: (expense: Expense) =>
      setRead((before) => ({ ...before, items: before.items?.map((one) => (one.id === expense.id ? expense : one)) })),
    drop: (id: string) => setRead((before) => ({ ...before, items: before.items?.filter((one) => one.id !== id) })),
  };
}

export type Book = ReturnType<typeof useBook>;

function sourceOf(headers: Headers): string | null {
  if (headers.get("x-data-source") !== "replica") return null;
  const until = headers.get("x-complete-up-to");
  return `From the copy${until ? `, complete up to ${momentOf(until)}` : ""}: the database itself cannot be reached just now.`;
}
