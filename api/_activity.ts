/** Notes what a user has changed, once it is answered: which route, and the ids of what it changed; nothing of any body. */
import type { Context } from "hono";
import { routePath } from "hono/route";
import { MAX_IDS } from "../shared/collections/activity-logs.ts";
import { addressOf } from "./_address.ts";
import type { AppEnv } from "./_environment.ts";
import { READS } from "./_writer.ts";

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** Behind the handler, whose answer is there. Never throws, and never waits. */
export function noteActivity(c: Context<AppEnv>): void {
  const { activity, clock } = c.get("dependencies");
  const { method, path } = c.req;
  const changed = c.get("changed");
  if (!activity || READS.has(method) || !c.res.ok || changed?.length === 0) return;
  const { id: userId, home = null } = c.get("user");
  const pattern = patternOf(c);
  // with the account everything of theirs goes
  if (pattern === "/api/me" && method === "DELETE") {
    activity.forget(userId);
    return;
  }
  const named = `${path} ${c.res.headers.get("location") ?? ""}`.match(UUID) ?? [];
  activity.note({
    userId,
    action: `${method} ${pattern}`,
    at: new Date(clock()).toISOString(),
    resource_ids: [...new Set([...named, ...(changed ?? [])].map((id) => id.toLowerCase()))].slice(0, MAX_IDS),
    request_id: c.get("requestId"),
    home,
    address: addressOf(c) ?? null,
  });
}

/** The path of the handler that answered, as the document has it. */
const patternOf = (c: Context<AppEnv>): string => routePath(c).replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
