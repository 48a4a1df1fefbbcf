/** `/admin/audit`: who changed what, when and why. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { callControl, instant, looking, lookingRefusals, utc } from "../_admin.ts";
import { json } from "../_answers.ts";
import { listQuery, pageOfRows, type Typed } from "../_ledger.ts";
import { createRoutes } from "../_validation.ts";

interface Outcome {
  at: string;
  status: number;
  code: string | null;
  affected: number | null;
}
interface Line {
  id: number;
  at: string;
  actor_id: string | null;
  actor: string;
  via: "api" | "command";
  action: string;
  subjects: string[];
  asked: Record<string, unknown>;
  reason: string | null;
  request_id: string | null;
  outcome: Outcome | null;
}
const lineSchema = z
  .object({
    id: z.int(),
    at: instant.meta({ description: "before the change" }),
    actor_id: z.uuid().nullable().meta({ description: "of the user; null: a command" }),
    actor: z.string().meta({ description: "their address by then; of a command, what its machine calls the operator" }),
    via: z.enum(["api", "command"]),
    action: z.string().meta({ description: "the route, or the command", examples: ["POST /api/admin/moves"] }),
    subjects: z.array(z.string()).meta({ description: "ids of users, and what else it was about" }),
    asked: z.record(z.string(), z.unknown()).meta({ description: "what was asked for, beside whom it is about" }),
    reason: z.string().nullable(),
    request_id: z.string().nullable(),
    outcome: z
      .object({
        at: instant,
        status: z.int().meta({ description: "HTTP's; of a command its exit code, 0 for done" }),
        code: z.string().nullable().meta({ description: "of the problem; null: there was none" }),
        affected: z.int().nullable().meta({ description: "how many it changed, or began to change" }),
      })
      .nullable()
      .meta({ description: "null: it is under way, or whoever made it died before saying how it ended" }),
  })
  .meta({ id: "AuditLine" }) as unknown as Typed<Line>;

const text = z
  .string()
  .min(1)
  .max(320)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no NUL, which Postgres cannot store
  .regex(/^[^\u0000]*$/)
  .optional();
const list = createRoute({
  ...looking,
  path: "/admin/audit",
  summary: "Who changed what, when and why",
  request: {
    query: z.strictObject({
      limit: listQuery.shape.limit,
      before: z
        .string()
        .regex(/^\d{1,15}$/)
        .optional()
        .meta({ description: "the id behind which the page begins: next_before of the page before" }),
      actor: text.meta({ description: "an id, or part of an address" }),
      action: text.meta({ description: "part of it" }),
      subject: text.meta({ description: "an id, whole" }),
    }),
  },
  responses: {
    200: json(z.object({ items: z.array(lineSchema), next_before: z.string().nullable() }), "newest first"),
    ...lookingRefusals,
  },
});

export const adminAuditRoutes = () =>
  createRoutes().openapi(list, async (c) => {
    const { actor, action, subject, before, limit } = c.req.valid("query");
    const rows = await callControl<Line[]>(c, "read", "switchyard_admin_audit", {
      ...{ p_actor: actor ?? null, p_action: action ?? null, p_subject: subject?.toLowerCase() ?? null },
      ...{ p_before: before ?? null, p_limit: limit + 1 },
    });
    const { items, next_cursor } = pageOfRows(rows, limit, ({ id }) => String(id));
    const shown = items.map((line) => ({
      ...line,
      at: utc(line.at),
      outcome: line.outcome && { ...line.outcome, at: utc(line.outcome.at) },
    }));
    return c.json({ items: shown, next_before: next_cursor }, 200);
  });
