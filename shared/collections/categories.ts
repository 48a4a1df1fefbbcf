import { defineCollection, home, owner } from "../definition/define.ts";
import { boolean, name, oneOf, optional, text, withDefault } from "../definition/fields.ts";

/** What expenses and incomes are filed under. */
export const categories = defineCollection({
  name: "categories",
  title: "category",
  placement: home(),
  scope: owner(),
  fields: {
    name: name(),
    kind: oneOf("expense", "income"),
    color: optional(text(2000)),
    icon: optional(text(2000)),
    archived: withDefault(boolean(), false),
  },
  search: ["name"],
  fixedWhileReferenced: ["kind"],
});
