import { defineCollection, home, owner } from "../definition/define.ts";
import { currency, day, money, name, oneOf, optional, reference } from "../definition/fields.ts";
import { notBefore } from "../definition/rules.ts";

/** What may be spent in each week, month or year from `starts_on` on, in one category or in all of them. */
export const budgets = defineCollection({
  name: "budgets",
  title: "budget",
  placement: home(),
  scope: owner(),
  fields: {
    name: name(),
    amount: money(),
    currency: currency(),
    period: oneOf("weekly", "monthly", "yearly"),
    category_id: optional(reference("categories", { where: { kind: "expense" } })),
    starts_on: day(),
    ends_on: optional(day()),
  },
  search: ["name"],
  rules: [notBefore("ends_on", "starts_on")],
});
