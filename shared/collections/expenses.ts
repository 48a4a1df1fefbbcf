import { defineCollection, home, owner } from "../definition/define.ts";
import { currency, day, money, optional, reference, tags, text, withDefault } from "../definition/fields.ts";

/** Money that was spent; below zero, what came back of it. */
export const expenses = defineCollection({
  name: "expenses",
  title: "expense",
  placement: home(),
  scope: owner(),
  fields: {
    amount: money({ signed: true }),
    currency: currency(),
    date: day(),
    category_id: optional(reference("categories", { where: { kind: "expense" } })),
    description: optional(text(2000)),
    payment_method: optional(text(2000)),
    tags: withDefault(tags(), []),
  },
  search: ["description", "payment_method"],
});
