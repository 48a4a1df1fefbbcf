import { defineCollection, owner, replicated } from "../definition/define.ts";
import { currency, name, optional, text } from "../definition/fields.ts";

/**
 * What an owner sells under; each has one at most, however many requests would make one at once. Not by an id that follows
 * from the owner's: ids of what is not kept at home are everybody's, and a stranger could take that one first.
 */
export const shops = defineCollection({
  name: "shops",
  title: "shop",
  placement: replicated("supabase", "reads"),
  scope: owner("owner_id"),
  fields: {
    name: name(),
    currency: currency(),
    note: optional(text(2000)),
  },
  unique: [[]],
  search: ["name", "note"],
});
