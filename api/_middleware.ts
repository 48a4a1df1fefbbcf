/** What happens around every handler: request id, timings, size and encoding of bodies, who is asking. */
import { createMiddleware } from "hono/factory";
import { createReadSources } from "../shared/placement/read-sources.ts";
import { noteActivity } from "./_activity.ts";
import { addressOf } from "./_address.ts";
import type { AppEnv } from "./_environment.ts";
import { limitUser } from "./_limits.ts";
import { measure } from "./_measure.ts";
import { ProblemError } from "./_problem.ts";
import { bearerOf } from "./_sign-out-look.ts";
import { asWriter } from "./_writer.ts";

const MAX_BODY_BYTES = 1024 * 1024;

/** `x-request-id` (the caller's own, when it is a sane one), `Server-Timing`, and nothing of a user's data in caches. */
export const observe = createMiddleware<AppEnv>(async (c, next) => {
  const given = c.req.header("x-request-id");
  const requestId = given && /^[\w.-]{1,64}$/.test(given) ? given : crypto.randomUUID();
  c.set("requestId", requestId);
  c.set("timings", []);
  c.set("sources", createReadSources());
  const { clock, log } = c.get("dependencies");
  const start = clock();
  await next();
  // not c.header: on an answer that is there already it makes a new one each time, whose text is then sent as a stream
  const { headers } = c.res;
  headers.set("x-request-id", requestId);
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  const timings = c
    .get("timings")
    .map(({ database, ms, path }) => `${database};dur=${ms.toFixed(1)}${path ? `;desc="${path}"` : ""}`);
  if (timings.length > 0) headers.set("server-timing", timings.join(", "));
  const { source, completeUpTo } = c.get("sources");
  if (source && c.res.status < 500) headers.set("x-data-source", source);
  if (headers.get("x-data-source") === "replica" && completeUpTo)
    headers.set("x-complete-up-to", completeUpTo.toISOString());
  measure(c, clock() - start);
  c.get("dependencies").outage?.tick();
  log.debug("request", {
    request_id: requestId,
    method: c.req.method,
    route: c.req.path,
    status: c.res.status,
    ms: clock() - start,
  });
});

/** Refuses queries whose escapes are no UTF-8: URLSearchParams would put U+FFFD there, and other records would be found. */
export const readQuery = createMiddleware<AppEnv>(async (c, next) => {
  try {
    decodeURIComponent(new URL(c.req.url).search);
  } catch {
    throw new ProblemError({
      status: 400,
      code: "malformed",
      detail: "The query is not percent-encoded UTF-8. Write a percent sign as %25.",
    });
  }
  await next();
});

/**
 * Where the deadlines of a request begin: with its body, which a slow caller may send for long. Refuses bodies over 1 MB, by their
 * length or counted while they are read, and ones that are not UTF-8, which JSON.parse would mend silently.
 */
export const readBody = createMiddleware<AppEnv>(async (c, next) => {
  if (WITH_BODY.has(c.req.method)) {
    const bytes = await limited(c.req.raw).catch((error) => {
      if (error instanceof ProblemError) throw error;
      // nothing fails there but the client, who has gone: no fault of ours, and nobody is left to hear of it
      c.get("dependencies").log.debug("body_aborted", { request_id: c.get("requestId"), error: String(error) });
      throw new ProblemError({
        status: 400,
        code: "malformed",
        detail: "The body ended before it was whole. Send it again.",
      });
    });
    try {
      // hono's parsers look here before they read the stream, for a promise whatever its types say
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
      c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
    } catch {
      throw new ProblemError({ status: 400, code: "malformed", detail: "The body is not valid UTF-8." });
    }
  }
  c.set("startedAt", c.get("dependencies").clock());
  await next();
});

async function limited(request: Request): Promise<Uint8Array> {
  const { headers } = request;
  const tooLarge = () =>
    new ProblemError({ status: 413, code: "too_large", detail: `A body may have at most ${MAX_BODY_BYTES} bytes.` });
  const length = headers.get("content-length");
  if (Number(length ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  // HTTP ends a body at its length, so it need not be counted piece by piece, and no stream need be made
  if (/^\d+$/.test(length ?? "") && !headers.has("transfer-encoding")) {
    const whole = new Uint8Array(await request.arrayBuffer());
    if (whole.byteLength > MAX_BODY_BYTES) throw tooLarge();
    return whole;
  }
  const { body } = request;
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (body)
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** Sets `user`, or ends the request with 401. */
export const requireUser = createMiddleware<AppEnv>(async (c, next) => {
  const { verify, router, sessions } = c.get("dependencies");
  const token = bearerOf(c);
  if (!token) throw unauthorized("Send an access token: Authorization: Bearer <token>.");
  const verification = await verify(token);
  if ("unavailable" in verification)
    throw new ProblemError({
      status: 503,
      code: "unavailable",
      detail: "The keys that tokens are verified with cannot be read at the moment.",
      headers: { "retry-after": "5" },
    });
  if ("refused" in verification) throw unauthorized(verification.refused, 'Bearer error="invalid_token"');
  const { user } = verification;
  const presented = { userId: user.id, sessionId: user.sessionId, issuedAt: user.issuedAt };
  const known = await router.standingOf(presented);
  const begun = c.get("signOutLook");
  const look = begun?.sessionId === user.sessionId ? begun?.look : undefined;
  const ended = known === "good" && (await sessions?.hasEnded(presented, look));
  const standing = ended ? "signed_out" : known;
  if (standing === "unknown") {
    if (!SAFE.has(c.req.method))
      throw new ProblemError({
        status: 503,
        code: "misconfigured",
        detail:
          "Whether this session has been ended cannot be found out, and until it can nothing is written. " +
          "The operator finds the reason at /api/health and in the log (user_changes_unknown).",
        headers: { "retry-after": "30" },
      });
  } else if (standing !== "good") throw unauthorized(ENDED[standing], 'Bearer error="invalid_token"');
  c.set("user", user);
  await limitUser(c, user.id);
  if (user.sessionId !== undefined)
    sessions?.note({
      userId: user.id,
      sessionId: user.sessionId,
      address: addressOf(c),
      userAgent: c.req.header("user-agent")?.slice(0, 500),
    });
  await asWriter(c, user.id, next);
  noteActivity(c);
});

/** Behind `requireUser`. Without it no body passes for `{}`, which a change of nothing is. */
export const requireBody = createMiddleware<AppEnv>(async (c, next) => {
  if ((await c.req.text()) === "")
    throw new ProblemError({
      status: 400,
      code: "malformed",
      detail: "The body is empty. Send one, as application/json.",
    });
  await next();
});

const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const ENDED = {
  deleted: "This account was deleted.",
  banned: "This account is banned.",
  signed_out: "This session was signed out. Sign in again.",
} as const;

const FRESH_SECONDS = 600;

/** Whoever finds an open session is not to do what cannot be undone. Behind `requireUser`. */
export const requireFreshSignIn = createMiddleware<AppEnv>(async (c, next) => {
  const { signedInAt = 0 } = c.get("user");
  if (c.get("dependencies").clock() / 1_000 - signedInAt > FRESH_SECONDS)
    throw new ProblemError({
      status: 403,
      code: "fresh_sign_in_required",
      detail:
        `This wants a sign-in of the last ${FRESH_SECONDS / 60} minutes; refreshing the session is none. ` +
        "Sign in again (or verify a second factor), and repeat the request with the new token.",
    });
  await next();
});

const unauthorized = (detail: string, challenge = "Bearer") =>
  new ProblemError({ status: 401, code: "unauthorized", detail, headers: { "www-authenticate": challenge } });
