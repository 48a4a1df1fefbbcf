/** A collection with references that may be empty, one of them to its own records. */
import { defineCollection, home, owner } from "../../shared/definition/define.ts";
import { name, optional, reference } from "../../shared/definition/fields.ts";

export const trips = defineCollection({
  name: "trips",
  title: "trip",
  placement: home(),
  scope: owner(),
  fields: {
    title: name(),
    category_id: optional(reference("categories")),
    contact_id: optional(reference("contacts")),
    follows_id: optional(reference("trips")),
  },
});
