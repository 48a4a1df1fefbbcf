import { defineCollection, owner, replicated } from "../definition/define.ts";
import { uuid } from "../definition/fields.ts";

/** Who is in which conversation: a user's own rows are the rooms that they are in, and all of a room's are seen by its members. */
export const conversationMembers = defineCollection({
  name: "conversation_members",
  title: "conversation member",
  placement: replicated("supabase", "reads"),
  scope: owner(),
  readers: { members: "conversation_members", field: "conversation_id" },
  usersMay: [],
  fields: { conversation_id: uuid() },
  unique: [["conversation_id"]],
});
