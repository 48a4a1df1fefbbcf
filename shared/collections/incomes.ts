import { defineCollection, home, owner } from "../definition/define.ts";
import { currency, day, money, optional, reference, text } from "../definition/fields.ts";

/** Money that came in; below zero, what was paid back of it. */
export const incomes = defineCollection({
  name: "incomes",
  title: "income",
  placement: home(),
  scope: owner(),
  fields: {
    amount: money({ signed: true }),
    currency: currency(),
    date: day(),
    category_id: optional(reference("categories", { where: { kind: "income" } })),
    source: optional(text(2000)),
    description: optional(text(2000)),
  },
  search: ["source", "description"],
});
