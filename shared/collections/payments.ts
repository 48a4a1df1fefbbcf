import { defineCollection, owner, replicated } from "../definition/define.ts";
import { currency, day, money, optional, reference, text } from "../definition/fields.ts";

/** Money that came from a customer; below zero, what went back. Their sums per currency are the customer's balance. */
export const payments = defineCollection({
  name: "payments",
  title: "payment",
  placement: replicated("supabase", "reads"),
  scope: owner("owner_id"),
  fields: {
    customer_id: reference("customers"),
    reference: optional(text(200)),
    amount: money({ signed: true }),
    currency: currency(),
    date: day(),
    note: optional(text(2000)),
  },
  search: ["reference", "note"],
});
