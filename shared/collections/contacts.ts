import { defineCollection, home, owner } from "../definition/define.ts";
import { email, name, optional, text } from "../definition/fields.ts";

/** Who money is lent to and borrowed from. */
export const contacts = defineCollection({
  name: "contacts",
  title: "contact",
  placement: home(),
  scope: owner(),
  fields: {
    name: name(),
    email: optional(email()),
    phone: optional(text(2000)),
    note: optional(text(2000)),
  },
  search: ["name", "email", "phone", "note"],
});
