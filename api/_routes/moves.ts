/** `/admin/moves`: users who move to another home, for admins. The steps are made by the edge function `moves`. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { type Begun, countLate, createMovesControl, type Move, type MovesControl } from "../../shared/moves/control.ts";
import { reverseMoves, startMoves } from "../../shared/operations/move-users.ts";
import { CONTROL_PLANE } from "../../shared/placement/database-names.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callControl, reasonHeader, rehearsalOf, rehearsalQuery, rehearsed, reason as why } from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import type { Typed } from "../_ledger.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { requireAdminOrRehearsal, requireViewer } from "../_operators.ts";
import { leftOf, timingOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const STATES = [
  "announced",
  "copying",
  "switched",
  "kept",
  "cleaned",
  "aborting",
  "aborted",
  "superseded",
] as const satisfies readonly Move["state"][];
const instant = z.string().nullable();
const count = z.int();
export const moveSchema = z
  .object({
    id: count,
    user_id: z.uuid(),
    source: z.string(),
    target: z.string(),
    epoch: count.meta({ description: "how often the user's home had changed before" }),
    state: z.enum(STATES).meta({
      description: "from `switched` on the user is at home in `target`; `kept`: done, and the old copy is still there",
    }),
    reason: z.string(),
    created_at: z.string(),
    switched_at: instant,
    kept_until: instant.meta({ description: "until when it can be reversed by copying only what differs" }),
    ended_at: instant,
    last_error: z.string().nullable().meta({ description: "why the last step is tried again" }),
    passes: count.meta({ description: "how often what differed was copied" }),
    copied: count.meta({ description: "records and tombstones" }),
    paused_ms: count.nullable().meta({ description: "how long the user's writes waited" }),
    late: z
      .object({
        forwarded: count.meta({ description: "made in the new home, as they were written" }),
        conflict: count.meta({ description: "against what the new home has since: for the operator to decide" }),
        open: count.meta({
          description: "not judged: found a moment ago, or by their version perhaps older than the switch",
        }),
      })
      .meta({ description: "writes that came to a home after the user had left it" }),
  })
  .meta({ id: "Move" });
const begunSchema = z
  .array(z.object({ user_id: z.uuid(), move: count.optional(), refused: z.string().optional() }))
  .meta({ id: "BegunMoves" });

export const shownOf = ({ detail, ...move }: Move): z.infer<typeof moveSchema> => ({
  ...move,
  passes: detail.passes ?? 0,
  copied: detail.copied ?? 0,
  paused_ms: detail.paused_ms ?? null,
  late: countLate(detail.late),
});

const users = z.array(z.uuid().toLowerCase()).min(1).max(500);
const reason = why.default("requested");
interface Users {
  users: string[];
}
interface Ending extends Users {
  reason?: string;
}
interface Reversal extends Users {
  reason: string;
}
interface Request extends Reversal {
  to: string;
}
const usersBody = z
  .strictObject({ users, reason: why.optional() })
  .meta({ id: "MovedUsers" }) as unknown as Typed<Ending>;
const reversalBody = z.strictObject({ users, reason }).meta({ id: "MoveReversal" }) as unknown as Typed<Reversal>;
const requestBody = z
  .strictObject({ users, to: z.string().min(1).max(41), reason })
  .meta({ id: "MoveRequest" }) as unknown as Typed<Request>;
const plain = { tags: ["admin"], security: [{ bearer: [] }] };
const asking = {
  ...plain,
  method: "post" as const,
  middleware: [requireUser, requireAdminOrRehearsal, requireBody] as [
    typeof requireUser,
    typeof requireAdminOrRehearsal,
    typeof requireBody,
  ],
};
const numberOf = json(z.object({ count }), "how many");
const refusals = problems(400, 401, 403, 413, 415, 422, 503);

const routes = {
  list: createRoute({
    ...plain,
    middleware: [requireUser, requireViewer] as const,
    method: "get",
    path: "/admin/moves",
    summary: "Who is being moved, and of whom a copy is kept",
    request: {
      query: z.object({
        user: z.uuid().toLowerCase().optional(),
        ended: z.enum(["true", "false"]).default("false").meta({ description: "those that have ended, too" }),
        before: z
          .string()
          .regex(/^\d{1,15}$/)
          .optional()
          .meta({ description: "the id behind which the page begins" }),
      }),
    },
    responses: {
      200: json(z.object({ items: z.array(moveSchema) }), "newest first, at most 100"),
      ...problems(400, 401, 403, 503),
    },
  }),
  start: createRoute({
    ...asking,
    path: "/admin/moves",
    summary: "Begin to move users to another home, while they work",
    request: { query: rehearsalQuery, body: body(requestBody), headers: reasonHeader },
    responses: {
      200: rehearsed,
      202: json(begunSchema, "of each user the move, or why there is none"),
      ...refusals,
    },
  }),
  reverse: createRoute({
    ...asking,
    path: "/admin/moves/reverse",
    summary: "Begin to move users back to where they came from",
    request: { query: rehearsalQuery, body: body(reversalBody), headers: reasonHeader },
    responses: {
      200: rehearsed,
      202: json(begunSchema, "of each user the move, or why there is none"),
      ...refusals,
    },
  }),
  abort: createRoute({
    ...asking,
    path: "/admin/moves/abort",
    summary: "Give moves up that have not switched",
    request: { query: rehearsalQuery, body: body(usersBody), headers: reasonHeader },
    responses: { 200: rehearsed, 202: numberOf, ...refusals },
  }),
  clean: createRoute({
    ...asking,
    path: "/admin/moves/clean",
    summary: "Take the kept copies of moved users away now",
    request: { query: rehearsalQuery, body: body(usersBody), headers: reasonHeader },
    responses: { 200: rehearsed, 202: numberOf, ...refusals },
  }),
};

/** One piece of work with the control plane, within what is left of the request's time. */
async function withMoves<T>(c: Context<AppEnv>, work: (control: MovesControl) => Promise<T>): Promise<T> {
  const { config, clock } = c.var.dependencies;
  const service = serviceClient(config, { timeoutMs: leftOf(c, deadlinesOf(config).statisticsMs) });
  const start = clock();
  const done = await work(createMovesControl(service));
  timingOf(c)(CONTROL_PLANE, clock() - start, "rest");
  return done;
}
/** What would be done with these users, where that is what is asked for. */
async function rehearse(c: Context<AppEnv>, does: "start" | "abort" | "clean", named: readonly string[], to?: string) {
  const preview = { p_does: does, p_users: named, p_to: to ?? null };
  return rehearsalOf(await callControl(c, "read", "switchyard_preview_moves", preview));
}
const begunOf = (begun: readonly Begun[]) => begun.map((one) => ({ ...one }));

export const moveRoutes = () =>
  createRoutes()
    .openapi(routes.list, async (c) => {
      const { user, ended, before } = c.req.valid("query");
      const asked = { userId: user, ended: ended === "true", before: before === undefined ? before : Number(before) };
      const moves = unwrap(await withMoves(c, (control) => control.list(asked)));
      return c.json({ items: moves.map(shownOf) }, 200);
    })
    .openapi(routes.start, async (c) => {
      const { users: named, to, reason: because } = c.req.valid("json");
      if (c.req.valid("query").dry_run === "true") return c.json(await rehearse(c, "start", named, to), 200);
      const begun = await withMoves(c, (control) => startMoves(control, { users: named, to, reason: because }));
      return c.json(begunOf(unwrap(begun)), 202);
    })
    .openapi(routes.reverse, async (c) => {
      const { users: named, reason: because } = c.req.valid("json");
      // of whom a copy is kept, can be moved back
      if (c.req.valid("query").dry_run === "true") return c.json(await rehearse(c, "clean", named), 200);
      return c.json(begunOf(unwrap(await withMoves(c, (control) => reverseMoves(control, named, because)))), 202);
    })
    .openapi(routes.abort, async (c) => {
      const { users: named } = c.req.valid("json");
      if (c.req.valid("query").dry_run === "true") return c.json(await rehearse(c, "abort", named), 200);
      return c.json({ count: unwrap(await withMoves(c, (control) => control.abort(named))) }, 202);
    })
    .openapi(routes.clean, async (c) => {
      const { users: named } = c.req.valid("json");
      if (c.req.valid("query").dry_run === "true") return c.json(await rehearse(c, "clean", named), 200);
      return c.json({ count: unwrap(await withMoves(c, (control) => control.clean(named))) }, 202);
    });
