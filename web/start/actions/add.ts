/** Amounts are decimal strings: nothing is rounded on the way. */
import { answerOf } from "../../shared/api.ts";
import { api } from "../api.ts";

export interface NewExpense {
  amount: string;
  currency: string;
  date: string;
  description: string | null;
  category_id: string | null;
}

/**
 * With the same `key` it can be sent again, after any answer or
 * none, and there is one expense.
 */
export const addExpense = (expense: NewExpense, key: string) =>
  answerOf(
    api.expenses.$post({
      json: expense,
      header: { "idempotency-key": key },
    }),
  );
