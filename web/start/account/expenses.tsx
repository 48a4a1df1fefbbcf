/** The list, and the way to what is older. */
import { useState } from "preact/hooks";
import type { Book } from "./book.ts";
import type { Categories } from "./categories.ts";
import { ExpenseRow } from "./expense-row.tsx";

export function Expenses({ book, categories }: { book: Book; categories: Categories }) {
  const [gone, setGone] = useState("");
  const { items, cursor, source, said } = book;
  const names = new Map(categories.all.map(({ id, name }) => [id, name]));
  const drop = (id: string, why: string) => {
    book.drop(id);
    setGone(why);
  };
  return (
    <>
      <h2>Your expenses</h2>
      {source && <p class="notice">{source}</p>}
      {items?.length === 0 && <p class="soft">None yet. What you file stands here, the newest first.</p>}
      <ul class="expenses">
        {items?.map((expense) => (
          <ExpenseRow
            key={expense.id}
            expense={expense}
            category={expense.category_id ? names.get(expense.category_id) : undefined}
            onChanged={book.replace}
            onGone={drop}
          />
        ))}
      </ul>
      {cursor !== null && (
        <button type="button" onClick={book.more}>
          Show more
        </button>
      )}
      {said && (
        <div class="notice" role="status">
          <p>{said}</p>
          <button type="button" class="plain" onClick={book.load}>
            Read again
          </button>
        </div>
      )}
      <p role="status" class={gone ? "notice good" : "seen-by-readers"}>
        {gone}
      </p>
    </>
  );
}
