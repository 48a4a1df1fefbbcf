/**
 * Limits, and the two header fields of draft-ietf-httpapi-ratelimit-headers that say them: `RateLimit-Policy` what they are,
 * `RateLimit` what is left. An address is counted before anything else is done, a user once it is known who asks.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Count } from "../shared/limits/limits.ts";
import { type LimitName, WINDOW_SECONDS } from "../shared/limits/settings.ts";
import { addressOf, countedAddress } from "./_address.ts";
import type { AppEnv } from "./_environment.ts";
import { ProblemError, problemResponse } from "./_problem.ts";

/** Counts addresses, and says all that is counted of the request in its answer, whatever that is. */
export const limitAddresses = createMiddleware<AppEnv>(async (c, next) => {
  const { limits } = c.get("dependencies");
  if (!limits) return next();
  const counts: Count[] = [];
  c.set("counts", counts);
  const address = addressOf(c);
  const counted =
    address && c.req.method !== "OPTIONS" ? await limits.take("address", countedAddress(address)) : undefined;
  if (counted) counts.push(counted);
  if (counted?.isOver) c.res = problemResponse(refusal(counted).options);
  else await next();
  if (counts.length === 0) return undefined;
  c.res.headers.set(
    "ratelimit-policy",
    counts.map(({ name, limit }) => `"${name}";q=${limit};w=${WINDOW_SECONDS}`).join(", "),
  );
  c.res.headers.set(
    "ratelimit",
    counts.map((each) => `"${each.name}";r=${each.remaining};t=${each.resetSeconds}`).join(", "),
  );
  return undefined;
});

/** Counts the request of a user who has been let in. */
export async function limitUser(c: Context<AppEnv>, userId: string): Promise<void> {
  const counted = await c.get("dependencies").limits?.take(classOf(c.req.method, c.req.path), userId);
  if (!counted) return;
  c.get("counts").push(counted);
  if (counted.isOver) throw refusal(counted);
}

/** Exports read everything, so they are a class of their own, also the admins'. */
function classOf(method: string, path: string): LimitName {
  if (/\/export(\.|\/|$)/.test(path)) return "export";
  if (/^\/api\/admin(\/|$)/.test(path)) return "admin";
  return method === "GET" || method === "HEAD" ? "reads" : "writes";
}

const OF: Readonly<Record<LimitName, string>> = {
  reads: "requests that read",
  writes: "requests that write",
  admin: "requests of an admin",
  export: "exports",
  address: "requests from this address",
};

const refusal = ({ name, limit, resetSeconds }: Count) =>
  new ProblemError({
    status: 429,
    code: "rate_limited",
    detail: `More than ${limit} ${OF[name]} within ${WINDOW_SECONDS} s. Try again in ${resetSeconds} s.`,
    headers: { "retry-after": String(resetSeconds) },
  });
