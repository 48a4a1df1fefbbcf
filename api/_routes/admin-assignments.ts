/** `/admin/assignments`: who is at home where, and the operator's own choice of it. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import type { Begun } from "../../shared/moves/control.ts";
import {
  callControl,
  changing,
  instant,
  looking,
  lookingRefusals,
  PLACE,
  reason,
  reasonHeader,
  rehearsalOf,
  rehearsalQuery,
  rehearsed,
  utc,
} from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import { cursorParts, listQuery, pageOfRows, type Typed } from "../_ledger.ts";
import { pageSchema } from "../_page.ts";
import { pathId } from "../_parameters.ts";
import { ProblemError } from "../_problem.ts";
import { createRoutes } from "../_validation.ts";
import { type Stay, stayInUtc, staySchema } from "./admin-users.ts";

interface Shown {
  user_id: string;
  database: string;
  epoch: number;
  state: "active" | "moving";
  reason: string;
  assigned_at: string;
}
const assignmentSchema = z
  .object({
    user_id: z.uuid(),
    database: z.string(),
    epoch: z.int(),
    state: z.enum(["active", "moving"]),
    reason: z.string(),
    assigned_at: instant,
  })
  .meta({ id: "AdminAssignment" }) as unknown as Typed<Shown>;
const overrideBody = z
  .strictObject({ database: z.string().min(1).max(41), reason })
  .meta({ id: "AssignmentOverride" }) as unknown as Typed<{ database: string; reason: string }>;
const begunSchema = z.object({ user_id: z.uuid(), move: z.int() }).meta({ id: "BegunMove" }) as unknown as Typed<{
  user_id: string;
  move: number;
}>;

const user = pathId("user", "UUID of the user");
const routes = {
  list: createRoute({
    ...looking,
    path: "/admin/assignments",
    summary: "Who is at home where",
    request: {
      query: listQuery.extend({
        user: z.uuid().toLowerCase().optional(),
        database: z.string().min(1).max(41).optional(),
        state: z.enum(["active", "moving"]).optional(),
      }),
    },
    responses: { 200: json(pageSchema(assignmentSchema), "who came last first"), ...lookingRefusals },
  }),
  history: createRoute({
    ...looking,
    path: "/admin/assignments/{user}/history",
    summary: "Homes that a user got and left",
    request: { params: z.object({ user }), query: listQuery },
    responses: { 200: json(pageSchema(staySchema), "newest first"), ...lookingRefusals },
  }),
  override: createRoute({
    ...changing,
    method: "post",
    path: "/admin/assignments/{user}",
    summary: "Give a user another home: begins a move, while they work",
    request: { params: z.object({ user }), query: rehearsalQuery, body: body(overrideBody), headers: reasonHeader },
    responses: {
      200: rehearsed,
      202: json(begunSchema, "the move that was begun"),
      ...problems(400, 401, 403, 409, 413, 415, 422, 503),
    },
  }),
};

const HISTORY_PLACE = /^\d{1,15}$/;

export const adminAssignmentRoutes = () =>
  createRoutes()
    .openapi(routes.list, async (c) => {
      const { user: userId, database, state, limit, cursor } = c.req.valid("query");
      const [, at, id] = cursorParts(cursor, PLACE) ?? [];
      const asked = {
        ...{ p_user_id: userId ?? null, p_home: database ?? null, p_state: state ?? null },
        ...{ p_before_at: at ?? null, p_before_id: id ?? null, p_limit: limit + 1 },
      };
      const rows = await callControl<{ at: number; assignment: Shown }[]>(
        c,
        "read",
        "switchyard_admin_assignments",
        asked,
      );
      const { items, next_cursor } = pageOfRows(rows, limit, (row) => `${row.at}_${row.assignment.user_id}`);
      const shown = items.map(({ assignment }) => ({ ...assignment, assigned_at: utc(assignment.assigned_at) }));
      return c.json({ items: shown, next_cursor }, 200);
    })
    .openapi(routes.history, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const [before = null] = cursorParts(cursor, HISTORY_PLACE) ?? [];
      const rows = await callControl<Stay[]>(c, "read", "switchyard_admin_history", {
        ...{ p_user_id: c.req.valid("param").user, p_before: before, p_limit: limit + 1 },
      });
      const { items, next_cursor } = pageOfRows(rows, limit, ({ id }) => String(id));
      return c.json({ items: items.map(stayInUtc), next_cursor }, 200);
    })
    .openapi(routes.override, async (c) => {
      const { database, reason: why } = c.req.valid("json");
      const userId = c.req.valid("param").user;
      if (c.req.valid("query").dry_run === "true") {
        const preview = { p_does: "start", p_users: [userId], p_to: database };
        return c.json(rehearsalOf(await callControl(c, "read", "switchyard_preview_moves", preview)), 200);
      }
      const start = { p_users: [userId], p_to: database, p_reason: why };
      const [begun] = await callControl<Begun[]>(c, "write", "switchyard_start_moves", start);
      if (!begun || "refused" in begun)
        throw new ProblemError({ status: 409, code: "not_moved", detail: begun?.refused ?? "Nothing was begun." });
      return c.json({ user_id: userId, move: begun.move }, 202);
    });
