/** Where the user is signed in, and signing out elsewhere, now. */
import { createRoute } from "@hono/zod-openapi";
import Bowser from "bowser";
import type { Context } from "hono";
import { z } from "zod";
import type { Session, Sessions } from "../../shared/placement/sessions.ts";
import { json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { requireUser } from "../_middleware.ts";
import { ProblemError } from "../_problem.ts";
import { callsOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const sessionSchema = z
  .object({
    id: z.uuid(),
    is_current: z.boolean().meta({ description: "the session of this request's token" }),
    device: z
      .string()
      .nullable()
      .meta({ description: "as its user agent says", examples: ["Firefox on Windows"] }),
    address: z.string().nullable(),
    created_at: z.iso.datetime({ offset: true }),
    used_at: z.iso.datetime({ offset: true }).meta({ description: "to the minute" }),
  })
  .meta({ id: "Session" });

const secured = { tags: ["account"], security: [{ bearer: [] }], middleware: requireUser };

const list = createRoute({
  ...secured,
  method: "get",
  path: "/",
  summary: "Where the user is signed in, the last used first",
  responses: {
    200: json(z.object({ items: z.array(sessionSchema) }).meta({ id: "Sessions" }), "the sessions"),
    ...problems(401, 503),
  },
});

const endOne = createRoute({
  ...secured,
  method: "delete",
  path: "/{id}",
  summary: "Sign out of one session, now",
  description:
    "With the answer, its tokens are refused by every instance and by Supabase's own REST. It can be repeated.",
  request: { params: z.object({ id: z.uuid().toLowerCase() }) },
  responses: { 204: { description: "signed out" }, ...problems(400, 401, 404, 503) },
});

const endOthers = createRoute({
  ...secured,
  method: "delete",
  path: "/",
  summary: "Sign out of all other sessions, now",
  responses: { 204: { description: "signed out; the session of this request stays" }, ...problems(401, 503) },
});

export const sessionRoutes = () =>
  createRoutes()
    .openapi(list, async (c) => {
      const { id, sessionId } = c.var.user;
      const found = unwrap(await sessionsOf(c).list(id, callsOf(c)));
      return c.json({ items: found.map((session) => shown(session, sessionId)) }, 200);
    })
    .openapi(endOthers, async (c) => {
      const { id, sessionId } = c.var.user;
      unwrap(await sessionsOf(c).endOthers(id, sessionId, callsOf(c)));
      return c.body(null, 204);
    })
    .openapi(endOne, async (c) => {
      unwrap(await sessionsOf(c).end(c.var.user.id, c.req.valid("param").id, callsOf(c)));
      return c.body(null, 204);
    });

function sessionsOf(c: Context<AppEnv>): Sessions {
  const { sessions } = c.get("dependencies");
  if (sessions) return sessions;
  throw new ProblemError({ status: 503, code: "misconfigured", detail: "This instance keeps no list of sessions." });
}

const shown = ({ id, created_at, used_at, address, user_agent }: Session, current: string | undefined) => ({
  id,
  is_current: id === current,
  device: deviceOf(user_agent),
  address: address || null,
  created_at,
  used_at,
});

/** "Firefox on Windows"; what says nothing of a browser is shown as it is, cut. */
function deviceOf(userAgent: string | null): string | null {
  if (!userAgent) return null;
  const { browser, os } = Bowser.parse(userAgent);
  if (!browser.name) return userAgent.slice(0, 80);
  return os.name ? `${browser.name} on ${os.name}` : browser.name;
}
