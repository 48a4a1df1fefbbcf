import { defineCollection, home, owner } from "../definition/define.ts";
import {
  currency,
  day,
  decimal,
  described,
  money,
  oneOf,
  optional,
  reference,
  text,
  withDefault,
} from "../definition/fields.ts";
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
    interest_rate: optional(described("percent per year, such as 3.5; loan status counts no interest", decimal())),
    description: optional(text(2000)),
    status: withDefault(oneOf("open", "settled"), "open"),
  },
  search: ["description"],
  fixedWhileReferenced: ["currency"],
  rules: [notBefore("due_on", "date")],
});
