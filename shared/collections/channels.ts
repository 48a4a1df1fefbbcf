import { defineCollection, memberOf, pinned } from "../definition/define.ts";
import { name } from "../definition/fields.ts";

/** A room of a server, for all of its members. */
export const channels = defineCollection({
  name: "channels",
  title: "channel",
  placement: pinned("supabase"),
  scope: memberOf("members", "server_id"),
  usersMay: [],
  fields: { name: name() },
});
