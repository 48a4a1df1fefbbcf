/** What is computed from several collections. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { isTimeZone } from "../../shared/contract/query.ts";
import { day } from "../../shared/definition/fields.ts";
import { budgetStatus } from "../../shared/reports/budget-status.ts";
import { today } from "../../shared/reports/calendar.ts";
import { loanStatus } from "../../shared/reports/loan-status.ts";
import { spending } from "../../shared/reports/spending.ts";
import { json, problems } from "../_answers.ts";
import { requireUser } from "../_middleware.ts";
import { idParameter, TIME_ZONE } from "../_parameters.ts";
import { notUnderstood, refuseOthers } from "../_report-parameters.ts";
import { serviceOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const daySchema = day().schema as z.ZodType<string, string>;
const timeZone = z
  .string()
  .refine(isTimeZone, "Name a time zone of the IANA database, such as Europe/Berlin.")
  .optional()
  .meta({ description: "IANA time zone of today, by default UTC; not beside on", ...TIME_ZONE });
const common = { method: "get" as const, security: [{ bearer: [] }] };

/** These parameters, and a refusal of others that says which there are. */
const parametersOf = <S extends z.ZodRawShape>(shape: S) => ({
  middleware: [requireUser, refuseOthers(Object.keys(shape))] as [typeof requireUser, typeof requireUser],
  query: z.object(shape),
});

const statusParameters = parametersOf({
  on: daySchema.optional().meta({ description: "by default today in tz" }),
  tz: timeZone,
});
const budget = createRoute({
  ...common,
  middleware: statusParameters.middleware,
  path: "/budgets/{id}/status",
  tags: ["budgets"],
  summary: "What is spent and left in the period that holds a day",
  request: {
    params: idParameter,
    query: statusParameters.query,
  },
  responses: {
    200: json(
      z
        .object({ period_start: z.string(), period_end: z.string(), spent: z.string(), remaining: z.string() })
        .meta({ id: "BudgetStatus" }),
      "in the budget's currency, of its category or all expenses; both days belong to the period",
    ),
    ...problems(400, 401, 403, 404, 409, 503),
  },
});

const loan = createRoute({
  ...common,
  middleware: parametersOf({}).middleware,
  path: "/loans/{id}/status",
  tags: ["loans"],
  summary: "What is paid back and left",
  request: { params: idParameter },
  responses: {
    200: json(
      z.object({ paid: z.string(), outstanding: z.string() }).meta({ id: "LoanStatus" }),
      "without interest; outstanding may be negative",
    ),
    ...problems(400, 401, 403, 404, 409, 503),
  },
});

const spendingItem = z.object({
  key: z.string().nullable(),
  name: z.string().optional(),
  currency: z.string(),
  sum: z.string(),
  count: z.int(),
});

const spendingParameters = parametersOf({
  from: daySchema.meta({ description: "first day" }),
  to: daySchema.meta({ description: "last day" }),
  by: z.enum(["category", "month"]).default("category"),
});
const report = createRoute({
  ...common,
  middleware: spendingParameters.middleware,
  path: "/reports/spending",
  tags: ["reports"],
  summary: "Spending by category or month, per currency",
  request: {
    query: spendingParameters.query,
  },
  responses: {
    200: json(z.object({ items: z.array(spendingItem) }).meta({ id: "Spending" }), "sorted by key, then currency"),
    ...problems(400, 401, 403, 409, 503),
  },
});

export const reportRoutes = () =>
  createRoutes()
    .openapi(budget, async (c) => {
      const { on, tz = "UTC" } = c.req.valid("query");
      if (on !== undefined && c.req.query("tz") !== undefined)
        throw notUnderstood("tz", "no_effect", "Leave out tz: it is for today, where no day is given with on.");
      const { id } = c.req.valid("param");
      const date = on ?? today(c.var.dependencies.clock(), tz);
      return c.json(unwrap(await budgetStatus(await serviceOf(c), id, date)), 200);
    })
    .openapi(loan, async (c) => c.json(unwrap(await loanStatus(await serviceOf(c), c.req.valid("param").id)), 200))
    .openapi(report, async (c) => {
      const { from, to, by } = c.req.valid("query");
      if (from > to) throw notUnderstood("to", "out_of_range", "Name a last day that is not before the first.");
      return c.json({ items: unwrap(await spending(await serviceOf(c), { from, to, by })) }, 200);
    });
