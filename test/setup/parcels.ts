/** A collection with fields of JSON, which the product has not. */
import { defineCollection, home, owner } from "../../shared/definition/define.ts";
import { integer, json, name, optional, withDefault } from "../../shared/definition/fields.ts";

export const parcels = defineCollection({
  name: "parcels",
  title: "parcel",
  placement: home(),
  scope: owner(),
  fields: {
    name: name(),
    weight: optional(integer()),
    content: json(),
    details: optional(json({ maxBytes: 200 })),
    labels: withDefault(json(), {}),
  },
});
