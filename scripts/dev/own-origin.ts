/** Keeps pages of other origins out of what nobody has to sign in for. */
import { createMiddleware } from "hono/factory";

/** Names of this machine; the port is whatever a tunnel or container has made of it. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * Lets through what is no page at all (curl, a test), this origin's own pages, an address that was typed, and a link that was
 * followed: whoever put it there sees nothing of what it opens. Not enough:
 * to leave out CORS, since a name of the attacker's that resolves to 127.0.0.1 makes their page one of this origin (DNS
 * rebinding); such a page still sends its own name as Host.
 */
export const ownOriginOnly = createMiddleware(async (c, next) => {
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  const isFollowed = c.req.header("sec-fetch-mode") === "navigate" && c.req.header("sec-fetch-dest") === "document";
  const isOwn =
    LOOPBACK.test(host) &&
    (origin === undefined || origin === `http://${host}`) &&
    (site === undefined || site === "same-origin" || site === "none" || isFollowed);
  if (!isOwn) return c.json({ message: "Open this address itself: it answers no page of another origin." }, 403);
  await next();
  c.res.headers.set("cache-control", "no-store");
  c.res.headers.set("x-content-type-options", "nosniff");
  return undefined;
});
