/**
 * Whether Redis knows a session as signed out is asked together with the count of the address, so that a request that is
 * answered from the cache waits for Redis three times and not four. The token is not verified yet: what it names is looked up
 * and nothing else is done for it, and whoever cannot show a real token learns nothing of the answer.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { decodeJwt } from "jose";
import type { AppEnv } from "./_environment.ts";

const SESSION = /^[\w-]{1,64}$/;

/** The access token that the request carries; undefined: none, or nothing that could be one. */
export const bearerOf = (c: Context<AppEnv>): string | undefined =>
  /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(c.req.header("authorization") ?? "")?.[1];

export const lookForSignOut = createMiddleware<AppEnv>((c, next) => {
  const { sessions } = c.get("dependencies");
  const sessionId = sessions && namedSession(bearerOf(c));
  if (sessionId !== undefined) c.set("signOutLook", { sessionId, look: sessions?.look(sessionId) });
  return next();
});

function namedSession(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  try {
    const { session_id: named } = decodeJwt(token);
    return typeof named === "string" && SESSION.test(named) ? named : undefined;
  } catch {
    return undefined;
  }
}
