import { defineCollection, memberOf, replicated } from "../definition/define.ts";
import { messageFields, messageRules } from "./message-fields.ts";

/** Messages of conversations: in MongoDB, with Postgres behind it for reading and posting while MongoDB is away. */
export const directMessages = defineCollection({
  name: "direct_messages",
  title: "direct message",
  placement: replicated("mongodb", "reads-and-writes"),
  scope: memberOf("conversation_members", "conversation_id", "sender_id"),
  usersMay: ["insert", "update"],
  fields: messageFields,
  rules: messageRules,
});
