import { defineCollection, memberOf, pinned } from "../definition/define.ts";
import { author, name, optional, text, url } from "../definition/fields.ts";

/** A place with channels, which one joins by its invite code. `server_id`, by which its members see it, is its own id. */
export const servers = defineCollection({
  name: "servers",
  title: "server",
  placement: pinned("supabase"),
  scope: memberOf("members", "server_id", "owner_id"),
  usersMay: [],
  fields: {
    owner_id: author(),
    name: name(),
    image_url: optional(url()),
    invite_code: text(64, 16),
  },
});
