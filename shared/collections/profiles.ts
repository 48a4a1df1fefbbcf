import { defineCollection, owner, replicated } from "../definition/define.ts";
import { name, optional, url } from "../definition/fields.ts";

/** How a user is shown to all others; each has one at most. */
export const profiles = defineCollection({
  name: "profiles",
  title: "profile",
  placement: replicated("supabase", "reads"),
  scope: owner(),
  readers: "everyone",
  fields: {
    name: name(),
    image_url: optional(url()),
  },
  unique: [[]],
});
