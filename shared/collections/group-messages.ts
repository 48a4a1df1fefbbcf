import { defineCollection, memberOf, pinned } from "../definition/define.ts";
import { messageFields, messageRules } from "./message-fields.ts";

/** Messages of channels. */
export const groupMessages = defineCollection({
  name: "group_messages",
  title: "group message",
  placement: pinned("supabase"),
  scope: memberOf("channels", "channel_id", "sender_id"),
  usersMay: ["insert", "update"],
  fields: messageFields,
  rules: messageRules,
});
