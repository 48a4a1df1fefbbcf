/**
 * What operators change, written down: a line before the change, without which it is not made, and its outcome after it. A
 * change whose instance died in between has a line and no outcome. See supabase/migrations/*_admin_audit.sql.
 */
import type { Context } from "hono";
import { routePath } from "hono/route";
import type { AppEnv } from "./_environment.ts";
import { callsOf, unwrap } from "./_service.ts";

/** In a body, of one list. */
const MAX_SUBJECTS = 500;
/** Characters of what was asked, beside whom it is about. */
const MAX_ASKED = 4_000;
const MAX_REASON = 500;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Runs the handler between the two lines. 503, and nothing is changed, when the first cannot be written. */
export async function audited(c: Context<AppEnv>, next: () => Promise<void>): Promise<void> {
  const { router, log } = c.get("dependencies");
  const user = c.get("user");
  const body = await bodyOf(c);
  const { reason, ...asked } = body;
  const line = {
    p_actor_id: user.id,
    p_actor: user.email ?? user.id,
    p_via: "api",
    p_action: `${c.req.method} ${routePath(c).replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`,
    p_subjects: subjectsOf(c, asked),
    p_asked: shortened(asked),
    p_reason:
      (typeof reason === "string" ? reason : headerOf(c))?.replaceAll("\u0000", "").slice(0, MAX_REASON) ?? null,
    p_request: c.get("requestId"),
  };
  // a read to the router, which wakes the copy after writes: nothing of this is copied
  const noted = unwrap(await router.control<number>("read", "switchyard_admin_note", line, callsOf(c)));
  await next();
  const outcome = { p_audit: noted, ...(await outcomeOf(c.res)) };
  const written = await router.control("read", "switchyard_admin_note_outcome", outcome, callsOf(c));
  // the change has its answer, and saying that it failed would be a lie
  if (written.isErr()) log.error("admin_audit_outcome_lost", { audit: noted, ...outcome, error: written.error });
}

type Body = Record<string, unknown>;

/** An object, or nothing: what is wrong with it the route says. */
async function bodyOf(c: Context<AppEnv>): Promise<Body> {
  try {
    const body: unknown = JSON.parse(await c.req.text());
    return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Body) : {};
  } catch {
    return {};
  }
}

/** Of routes without a body. Headers hold ASCII: anything else is percent-encoded UTF-8. */
function headerOf(c: Context<AppEnv>): string | undefined {
  const given = c.req.header("x-reason");
  try {
    return given === undefined ? undefined : decodeURIComponent(given);
  } catch {
    return given;
  }
}

/** What the path names, and every id in the body. */
function subjectsOf(c: Context<AppEnv>, body: Body): string[] {
  const named = Object.values(c.req.param() as Record<string, string>);
  const ids = Object.values(body)
    .flatMap((value) => (Array.isArray(value) ? value.slice(0, MAX_SUBJECTS) : [value]))
    .filter((value): value is string => typeof value === "string" && UUID.test(value));
  return [...new Set([...named, ...ids].map((text) => text.toLowerCase().replaceAll("\u0000", "").slice(0, 200)))];
}

/** Without lists of ids, which are the subjects, and no longer than a line may be. */
function shortened(body: Body): Body {
  const { users: _, ...asked } = body;
  const text = JSON.stringify(asked);
  // Postgres keeps neither
  if (/\\u0000|\\ud[89a-f]/i.test(text)) return { left_out: "it is no text that can be kept" };
  return text.length > MAX_ASKED ? { left_out: `${text.length} characters` } : asked;
}

async function outcomeOf(response: Response) {
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const body: unknown = isJson ? await response.clone().json() : null;
  const { code, count } = (body ?? {}) as { code?: unknown; count?: unknown };
  const done = Array.isArray(body) ? body.filter((one) => one.refused === undefined).length : Number(count ?? 1);
  return {
    p_status: response.status,
    p_code: response.ok || typeof code !== "string" ? null : code,
    p_affected: response.ok ? done : null,
  };
}
