import { author, boolean, instant, optional, text, url, withDefault } from "../definition/fields.ts";
import { oneAtLeast } from "../definition/rules.ts";

/** What every message has, wherever it is kept. One that is deleted keeps its place and nothing of what it said. */
export const messageFields = {
  sender_id: author(),
  content: optional(text(4_000)),
  file_url: optional(url()),
  /** when it was last changed, by the database's clock; null: never */
  edited_at: optional(instant()),
  is_deleted: withDefault(boolean(), false),
};

export const messageRules = [oneAtLeast("content", ["file_url"], { unless: "is_deleted" })];
