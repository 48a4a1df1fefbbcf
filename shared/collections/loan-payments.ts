import { defineCollection, home, owner } from "../definition/define.ts";
import { day, money, optional, reference, text } from "../definition/fields.ts";

/** Money paid back on a loan, in the loan's currency. */
export const loanPayments = defineCollection({
  name: "loan_payments",
  title: "loan payment",
  placement: home(),
  scope: owner(),
  fields: {
    loan_id: reference("loans"),
    amount: money(),
    date: day(),
    note: optional(text(2000)),
  },
  search: ["note"],
  currency: { reference: "loan_id", field: "currency" },
});
