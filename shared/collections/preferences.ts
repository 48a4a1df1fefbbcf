import { defineCollection, owner, pinned } from "../definition/define.ts";
import { currency, described, json, text, withDefault } from "../definition/fields.ts";

/** What a user has set; each has one at most. A page of them is read with every visit, and its shape is the application's. */
export const preferences = defineCollection({
  name: "preferences",
  title: "preferences",
  placement: pinned("mongodb"),
  scope: owner(),
  fields: {
    language: withDefault(described("a BCP 47 tag", text(35, 2)), "en"),
    currency: withDefault(currency(), "EUR"),
    notifications: withDefault(described("by which ways they are told", json({ maxBytes: 1_024 })), {
      email: true,
      in_app: true,
      push: false,
    }),
    metadata: withDefault(described("whatever else the application keeps", json({ maxBytes: 64 * 1024 })), {}),
  },
  unique: [[]],
});
