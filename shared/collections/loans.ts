import { defineCollection, home, owner } from "../definition/define.ts";
import { currency, day, decimal, money, oneOf, optional, reference, text, withDefault } from "../definition/fields.ts";
import { notBefore } from "../definition/rules.ts";

/** Money lent to, or borrowed from, a contact. Whether it is settled is the client's word, not computed. */
export const loans = defineCollection({
  name: "loans",
  title: "loan",
  placement: home(),
  scope: owner(),
  fields: {
    contact_id: reference("contacts"),
    direction: oneOf("lent", "borrowed"),
    amount: money(),
    currency: currency(),
    date: day(),
    due_on: optional(day()),
    interest_rate: optional(decimal()),
    description: optional(text(2000)),
    status: withDefault(oneOf("open", "settled"), "open"),
  },
  search: ["description"],
  fixedWhileReferenced: ["currency"],
  rules: [notBefore("due_on", "date")],
});
