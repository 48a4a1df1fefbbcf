import { defineCollection, owner, replicated } from "../definition/define.ts";
import { described, email, json, name, optional, text } from "../definition/fields.ts";

/**
 * Whom a shop sells to. What is looked for and checked in both databases has a field of its own; the rest is JSON, whose
 * shape is the client's: Postgres could not check it for those who write through Supabase's REST.
 */
export const customers = defineCollection({
  name: "customers",
  title: "customer",
  placement: replicated("supabase", "reads"),
  scope: owner("owner_id"),
  fields: {
    name: name(),
    email: optional(email()),
    phone: optional(text(2000)),
    contact: optional(
      described(
        'further ways to reach them, nested, such as {"addresses": [{"kind": "billing", "city": "Kyiv"}], "phones": []}',
        json(),
      ),
    ),
    details: optional(described("whatever else the application keeps of a customer", json())),
  },
  search: ["name", "email", "phone"],
});
