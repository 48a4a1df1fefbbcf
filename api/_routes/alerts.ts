/** `/admin/alerts`: what is wrong with the system, and what was. Who is told of it stands in the README, "Alerts". */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { ALERT_KINDS, type Alert } from "../../shared/operations/alerts.ts";
import { json, problems } from "../_answers.ts";
import { requireUser } from "../_middleware.ts";
import { requireViewer } from "../_operators.ts";
import { callsOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const instant = z.string().nullable();
const alertSchema = z
  .object({
    id: z.uuid(),
    kind: z.enum(ALERT_KINDS),
    subject: z.string().meta({ description: "a database's name, or `copy`, `ledger`, `moves`" }),
    detail: z.string().meta({ description: "for people" }),
    began_at: z.string(),
    last_seen_at: z.string().meta({ description: "when it was last found so" }),
    ended_at: instant.meta({ description: "null: it goes on" }),
    told_at: instant.meta({ description: "when the receiver took the notice; null: not yet, or there is no receiver" }),
    end_told_at: instant.meta({ description: "the same of its end" }),
    last_error: z.string().nullable().meta({ description: "why the notice that waits was not taken" }),
  })
  .meta({ id: "Alert" });

const alerts = createRoute({
  method: "get",
  path: "/admin/alerts",
  tags: ["admin"],
  summary: "What is wrong with the system, and who was told",
  security: [{ bearer: [] }],
  middleware: [requireUser, requireViewer] as const,
  request: {
    query: z.object({
      ended: z.enum(["true", "false"]).default("false").meta({ description: "those that have ended, too" }),
      limit: z
        .string()
        .regex(/^([1-9]\d?|[1-4]\d\d|500)$/)
        .default("100"),
    }),
  },
  responses: {
    200: json(
      z.object({
        items: z.array(alertSchema).meta({ description: "the last begun first" }),
        has_receiver: z.boolean().meta({ description: "whether ALERT_WEBHOOK_URL is set where this is answered" }),
      }),
      "as they were found last",
    ),
    ...problems(400, 401, 403, 503),
  },
});

export const alertRoutes = () =>
  createRoutes().openapi(alerts, async (c) => {
    const { router, config } = c.var.dependencies;
    const { ended, limit } = c.req.valid("query");
    const parameters = { p_ended: ended === "true", p_limit: Number(limit) };
    const items = unwrap(await router.control<Alert[]>("read", "switchyard_list_alerts", parameters, callsOf(c)));
    return c.json({ items, has_receiver: config.ALERT_WEBHOOK_URL !== undefined }, 200);
  });
