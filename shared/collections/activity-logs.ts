import { defineCollection, owner, pinned } from "../definition/define.ts";
import { described, instant, optional, tags, text } from "../definition/fields.ts";

/** How many ids an entry names, of the many that a batch may change. */
export const MAX_IDS = 20;

/**
 * What a user has changed through the API: that they did, and never what it says. What is optional and always there is so
 * because a required field has an index, and nobody sorts by these.
 */
export const activityLogs = defineCollection({
  name: "activity_logs",
  title: "activity",
  placement: pinned("mongodb"),
  scope: owner(),
  fields: {
    action: described("method and route", text(200, 1)),
    at: described("when it was answered", instant()),
    resource_ids: described("of what was changed", tags(MAX_IDS, 64)),
    request_id: optional(described("of the answer", text(64, 1))),
    home: optional(described("where the user's records live, as their token says", text(64, 1))),
    address: optional(described("where the request came from", text(64, 1))),
  },
  usersMay: [],
  keptDays: 90,
});
