import { defineCollection, memberOf, replicated } from "../definition/define.ts";
import { oneOf, optional, text, uuid } from "../definition/fields.ts";

/**
 * A room of people who were chosen one by one. `conversation_id`, by which its members see it, is its own id. A `pair` is the
 * one conversation of its two people, whose id follows from theirs: it stays one of two. Made by functions, as who is in it is.
 */
export const conversations = defineCollection({
  name: "conversations",
  title: "conversation",
  placement: replicated("supabase", "reads"),
  scope: memberOf("conversation_members", "conversation_id"),
  usersMay: [],
  fields: {
    kind: oneOf("pair", "group"),
    name: optional(text(200)),
    created_by: uuid(),
  },
});
