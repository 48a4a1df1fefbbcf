/** `/admin/me` and `/admin/users`: who asks, and whom they look for. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { notFound } from "../../shared/contract/errors.ts";
import type { Move } from "../../shared/moves/control.ts";
import type { Holding } from "../../shared/placement/holdings.ts";
import { callControl, count, instant, looking, lookingRefusals, PLACE, utc, utcOrNull } from "../_admin.ts";
import { json, problems } from "../_answers.ts";
import { cursorParts, listQuery, pageOfRows, type Typed } from "../_ledger.ts";
import { pageSchema } from "../_page.ts";
import { pathId } from "../_parameters.ts";
import { repositoryProblem } from "../_problem.ts";
import { callsOf } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { moveSchema, shownOf } from "./moves.ts";

interface Operator {
  role: "admin" | "viewer";
  email: string | null;
}
const operatorSchema = z
  .object({ role: z.enum(["admin", "viewer"]), email: z.string().nullable() })
  .meta({ id: "Operator" }) as unknown as Typed<Operator>;

interface Shown {
  id: string;
  email: string | null;
  created_at: string | null;
  last_sign_in_at: string | null;
  home: string | null;
  state: "active" | "moving" | null;
  epoch: number | null;
  assigned_at: string | null;
}
const shape = {
  id: z.uuid(),
  email: z.string().nullable(),
  created_at: instant.nullable(),
  last_sign_in_at: instant.nullable().meta({ description: "null: never" }),
  home: z.string().nullable().meta({ description: "name of a database; null: the user has none" }),
  state: z.enum(["active", "moving"]).nullable().meta({ description: "`moving`: writes wait for a move" }),
  epoch: z.int().nullable().meta({ description: "goes up when the home changes" }),
  assigned_at: instant.nullable(),
};
const userSchema = z.object(shape).meta({ id: "AdminUser" }) as unknown as Typed<Shown>;

export interface Stay {
  id: number;
  database: string;
  epoch: number;
  event: "assigned" | "released";
  reason: string;
  at: string;
}
export const staySchema = z
  .object({
    id: z.int(),
    database: z.string(),
    epoch: z.int(),
    event: z.enum(["assigned", "released"]),
    reason: z.string(),
    at: instant,
  })
  .meta({ id: "HomeEvent" }) as unknown as Typed<Stay>;

type Known = Shown & { deleted: boolean; banned_until: string | null; history: Stay[] };
interface Whole extends Known {
  collections: Holding[];
  moves: ReturnType<typeof shownOf>[];
}
const wholeSchema = z
  .object({
    ...shape,
    deleted: z.boolean().meta({ description: "the account is gone; what stays is the history of homes, for a month" }),
    banned_until: instant.nullable(),
    history: z.array(staySchema).meta({ description: "homes that the user got and left, newest first, at most 100" }),
    collections: z
      .array(
        z.object({
          collection: z.string(),
          database: z.string(),
          records: count.nullable().meta({ description: "counted now; null: the database does not say" }),
          bytes: count.nullable().meta({ description: "as that database counts them, without indexes" }),
        }),
      )
      .meta({ description: "what the user keeps, wherever it is" }),
    moves: z.array(moveSchema).meta({ description: "newest first, at most 100; those that have ended, too" }),
  })
  .meta({ id: "AdminUserDetails" }) as unknown as Typed<Whole>;

const routes = {
  me: createRoute({
    ...looking,
    path: "/admin/me",
    summary: "What the caller may do here",
    responses: { 200: json(operatorSchema, "the role, and the address of the token"), ...problems(401, 403, 503) },
  }),
  list: createRoute({
    ...looking,
    path: "/admin/users",
    summary: "Find users by part of an address, or by id",
    request: {
      query: listQuery.extend({
        q: z
          .string()
          .min(1)
          .max(320)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: no NUL, which Postgres cannot store
          .regex(/^[^\u0000]*$/)
          .optional()
          .meta({ description: "part of an address, in any case of letters; or an id, or how one begins" }),
        home: z.string().min(1).max(41).optional().meta({ description: "only those who are at home there" }),
      }),
    },
    responses: { 200: json(pageSchema(userSchema), "newest first"), ...lookingRefusals },
  }),
  get: createRoute({
    ...looking,
    path: "/admin/users/{id}",
    summary: "One user: home, how they came there, what they keep, and their moves",
    request: { params: z.object({ id: pathId("id", "UUID of the user") }) },
    responses: { 200: json(wholeSchema, "the user"), ...problems(404), ...lookingRefusals },
  }),
};

/** The first and the last id that begin so; undefined for what begins none. */
function idsFrom(q: string): { first: string; last: string } | undefined {
  const digits = q.toLowerCase().replaceAll("-", "");
  if (!/^[0-9a-f]{1,32}$/.test(digits) || !/^[0-9a-f-]+$/i.test(q)) return undefined;
  const asId = (text: string) => text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { first: asId(digits.padEnd(32, "0")), last: asId(digits.padEnd(32, "f")) };
}

const inUtc = <T extends Shown>(user: T): T => ({
  ...user,
  created_at: utcOrNull(user.created_at),
  last_sign_in_at: utcOrNull(user.last_sign_in_at),
  assigned_at: utcOrNull(user.assigned_at),
});
export const stayInUtc = (stay: Stay): Stay => ({ ...stay, at: utc(stay.at) });

export const adminUserRoutes = () =>
  createRoutes()
    .openapi(routes.me, (c) => {
      const { role, email } = c.var.user;
      // whoever has none was refused before
      return c.json({ role: role ?? "viewer", email }, 200);
    })
    .openapi(routes.list, async (c) => {
      const { q, home, limit, cursor } = c.req.valid("query");
      const [, at, id] = cursorParts(cursor, PLACE) ?? [];
      const { first, last } = (q && idsFrom(q)) || {};
      const rows = await callControl<{ at: number; user: Shown }[]>(c, "read", "switchyard_admin_users", {
        ...{ p_q: q ?? null, p_first: first ?? null, p_last: last ?? null, p_home: home ?? null },
        ...{ p_before_at: at ?? null, p_before_id: id ?? null, p_limit: limit + 1 },
      });
      const { items, next_cursor } = pageOfRows(rows, limit, (row) => `${row.at}_${row.user.id}`);
      return c.json({ items: items.map(({ user }) => inUtc(user)), next_cursor }, 200);
    })
    .openapi(routes.get, async (c) => {
      const { id } = c.req.valid("param");
      const calls = callsOf(c);
      const [known, moves] = await Promise.all([
        callControl<Known | null>(c, "read", "switchyard_admin_user", { p_user_id: id }),
        callControl<Move[]>(c, "read", "switchyard_list_moves", { p_user_id: id, p_ended: true }),
      ]);
      if (!known) throw repositoryProblem(notFound("There is no such user."));
      const collections = await c.var.dependencies.router.getHoldings(id, known.home, calls);
      const { banned_until, history } = known;
      return c.json(
        {
          ...inUtc(known),
          banned_until: utcOrNull(banned_until),
          history: history.map(stayInUtc),
          collections,
          moves: moves.map(shownOf),
        },
        200,
      );
    });
