/** The fields of an expense, and what stands in them. */
import type { NewExpense } from "../actions/add.ts";
import { entry } from "../form.tsx";
import { today } from "./words.ts";

const CURRENCIES = ["EUR", "USD", "GBP", "CHF", "SEK", "JPY", "NGN", "XOF"];

export function ExpenseFields({ of }: { of?: Omit<NewExpense, "category_id"> | undefined }) {
  const currencies = of && !CURRENCIES.includes(of.currency) ? [of.currency, ...CURRENCIES] : CURRENCIES;
  return (
    <>
      <label>
        Amount
        <input
          name="amount"
          inputMode="decimal"
          pattern="-?[0-9]+([.,][0-9]{1,4})?"
          title="A number with up to 4 decimals, such as 12.50"
          placeholder="12.50"
          autocomplete="off"
          defaultValue={of?.amount}
          required
        />
      </label>
      <label>
        Currency
        <select name="currency">
          {currencies.map((currency) => (
            <option key={currency} selected={currency === of?.currency}>
              {currency}
            </option>
          ))}
        </select>
      </label>
      <label>
        Date
        <input name="date" type="date" defaultValue={of?.date ?? today()} required />
      </label>
      <label class="wide">
        What for?
        <input name="description" maxLength={2000} autocomplete="off" defaultValue={of?.description ?? ""} />
      </label>
    </>
  );
}

/** As the API takes it: a decimal point, and null where there is no text. */
export const expenseIn = (entries: FormData): Omit<NewExpense, "category_id"> => ({
  amount: entry(entries, "amount").replace(",", "."),
  currency: entry(entries, "currency"),
  date: entry(entries, "date"),
  description: entry(entries, "description") || null,
});
