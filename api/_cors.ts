/** Which web pages may call the API: ALLOWED_ORIGINS. Tokens travel in a header, so no credentials are allowed. */
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./_environment.ts";

export const allowOrigins = createMiddleware<AppEnv>(async (c, next) => {
  if (c.req.header("origin") === undefined && c.req.method !== "OPTIONS") {
    await next();
    // no page asks, but what a cache keeps may be for a page later
    c.res.headers.append("vary", "Origin");
    return undefined;
  }
  const allowed = c.var.dependencies.config.ALLOWED_ORIGINS;
  const handle = cors({
    origin: (origin) => (allowed.includes("*") ? "*" : allowed.includes(origin) ? origin : null),
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [
      "authorization",
      "content-type",
      "if-match",
      "if-none-match",
      "idempotency-key",
      "x-reason",
      "x-request-id",
    ],
    exposeHeaders: [
      "etag",
      "location",
      "retry-after",
      "ratelimit-policy",
      "ratelimit",
      "x-request-id",
      "x-data-source",
      "x-complete-up-to",
      "server-timing",
      "content-disposition",
    ],
    maxAge: 600,
  });
  return handle(c, next);
});
