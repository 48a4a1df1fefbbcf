/** Programs that fetch measures have no account: one token of the configuration lets them read those, and nothing else. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { isOneOf } from "../shared/http/secret-key.ts";
import type { AppEnv } from "./_environment.ts";
import { limitUser } from "./_limits.ts";
import { requireUser } from "./_middleware.ts";
import { requireViewer } from "./_operators.ts";

/** Who is counted against the limit of admins: all scrapers together. */
const SCRAPERS = "metrics_token";

/**
 * Lets METRICS_TOKEN in, and whoever `requireViewer` lets in. Behind it `user` is not set where it was the token. It asks no
 * database, so it is known while Supabase is away, too.
 */
export const requireViewerOrScraper = createMiddleware<AppEnv>(async (c, next) => {
  if (await isScraper(c)) {
    await limitUser(c, SCRAPERS);
    return next();
  }
  return requireUser(c, async () => void (await requireViewer(c, next)));
});

async function isScraper(c: Context<AppEnv>): Promise<boolean> {
  const { METRICS_TOKEN: token } = c.get("dependencies").config;
  if (token === undefined) return false;
  const [, given = ""] = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
  return isOneOf(given, [token]);
}
