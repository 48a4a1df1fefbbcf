/** What somebody has who is in: a home, and a book of expenses. */
import { useEffect } from "preact/hooks";
import { Step } from "../step.tsx";
import { AddExpense } from "./add-expense.tsx";
import { useBook } from "./book.ts";
import { useCategories } from "./categories.ts";
import { Expenses } from "./expenses.tsx";
import { Home } from "./home.tsx";

export function Account() {
  const book = useBook();
  const categories = useCategories();
  // once, when the page is there
  useEffect(() => {
    void book.load();
    void categories.load();
  }, []);
  return (
    <>
      <Step files={["actions/home.ts", "api.ts", "actions/sign-out.ts"]}>
        <Home of={book.items} />
      </Step>
      <Step files={["actions/add.ts", "actions/categories.ts"]}>
        <AddExpense categories={categories} onAdded={() => void book.load()} />
      </Step>
      <Step files={["actions/list.ts", "actions/change.ts", "actions/remove.ts"]}>
        <Expenses book={book} categories={categories} />
      </Step>
    </>
  );
}
