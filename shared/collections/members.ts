import { defineCollection, owner, pinned } from "../definition/define.ts";
import { uuid } from "../definition/fields.ts";

/** Who is in which server: a user's own rows are the servers that they are in, and all of a server's are seen by its members. */
export const members = defineCollection({
  name: "members",
  title: "member",
  placement: pinned("supabase"),
  scope: owner(),
  readers: { members: "members", field: "server_id" },
  usersMay: [],
  fields: { server_id: uuid() },
  unique: [["server_id"]],
});
