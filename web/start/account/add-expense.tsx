/** The form that files an expense. */
import { useState } from "preact/hooks";
import { addExpense } from "../actions/add.ts";
import { entry, Form } from "../form.tsx";
import { saidOf } from "../refused.ts";
import type { Categories } from "./categories.ts";
import { ExpenseFields, expenseIn } from "./expense-fields.tsx";
import { useKey } from "./key.ts";

export function AddExpense({ categories, onAdded }: { categories: Categories; onAdded: () => void }) {
  const [added, setAdded] = useState("");
  const key = useKey();
  const act = async (entries: FormData, form: HTMLFormElement) => {
    setAdded("");
    const name = entry(entries, "category");
    const category = name === "" ? undefined : await categories.idOf(name);
    if (category && !category.ok) return saidOf(category.problem);
    const expense = { ...expenseIn(entries), category_id: category?.value ?? null };
    const answer = await addExpense(expense, key.of(expense));
    if (!answer.ok) return saidOf(answer.problem);
    key.done();
    for (const field of ["amount", "description"]) empty(form, field);
    // the next one is typed from the first field on; not where they have gone elsewhere meanwhile
    if (form.contains(document.activeElement)) (form.elements.namedItem("amount") as HTMLElement).focus();
    setAdded(`Filed: ${answer.value.amount} ${answer.value.currency}.`);
    // the next one need not wait for the list
    onAdded();
    return undefined;
  };
  return (
    <>
      <h2>File an expense</h2>
      <Form class="expense" label="File an expense" button="File it" act={act}>
        <ExpenseFields />
        <label class="wide">
          Category
          <input name="category" list="categories" maxLength={200} autocomplete="off" placeholder="None" />
        </label>
        <datalist id="categories">
          {categories.all.map(({ id, name }) => (
            <option key={id} value={name} />
          ))}
        </datalist>
      </Form>
      <p role="status" class={added ? "notice good" : "seen-by-readers"}>
        {added}
      </p>
    </>
  );
}

function empty(form: HTMLFormElement, name: string): void {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement) field.value = "";
}
