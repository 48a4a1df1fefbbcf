/** `/admin/placement`, `/admin/moves/plan`: by what new users' homes are chosen, and whom to move for the balance. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { deadlinesOf } from "../../shared/deadlines.ts";
import type { PlannedMove } from "../../shared/moves/balance.ts";
import { createLoadsControl } from "../../shared/moves/loads.ts";
import { setPolicy } from "../../shared/operations/placement-policy.ts";
import { measureAndPlan } from "../../shared/operations/plan-balance.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { createPlacementPolicy, type PlacementPolicy, POLICIES } from "../../shared/placement/policy.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { looking, lookingRefusals, reason, reasonHeader } from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import type { Typed } from "../_ledger.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { requireAdmin } from "../_operators.ts";
import { leftOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const policy = z.enum(POLICIES);
const placementSchema = z
  .object({
    policy,
    used: policy.meta({ description: "what decides now: count, where a measure is missing or older than ten minutes" }),
    unmeasured: z.array(z.string()).meta({ description: "databases of which it is missing" }),
    databases: z.array(
      z.object({
        name: z.string(),
        down: z.boolean(),
        measure: z.number().nullable().meta({ description: "for its weight; the one with the least is chosen" }),
        measured_at: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "Placement" });

const share = z.number().min(0);
const plannedHome = z.object({
  name: z.string(),
  users: z.int(),
  users_after: z.int(),
  records: z.number(),
  bytes: z.number(),
  bytes_after: z.number(),
  share: share.meta({ description: "of all bytes, records and users of today, on average; of 1" }),
  share_after: share,
  ideal: share.meta({ description: "by its weight" }),
  refuses: z.string().nullable().meta({ description: "why nobody is moved to it" }),
});
const way = z.object({
  from: z.string(),
  to: z.string(),
  users: z.array(z.uuid()).meta({ description: "at most 500; to be moved by POST /admin/moves" }),
  records: z.number(),
  bytes: z.number(),
});
const planSchema = z
  .object({
    homes: z.array(plannedHome),
    ways: z.array(way).meta({ description: "in the order in which they are to be begun" }),
    balances: z.boolean().meta({ description: "whether every home is about at its ideal then" }),
    users: z.int(),
    measured: z.int().meta({ description: "users whose size is known; the others count as average ones" }),
    measured_since: z.string().nullable().meta({ description: "when the oldest of these was measured" }),
    failed: z.record(z.string(), z.string()).meta({ description: "databases that take no part, and why" }),
  })
  .meta({ id: "BalancePlan" });

const policyBody = z
  .strictObject({ policy, reason: reason.optional() })
  .meta({ id: "PlacementRequest" }) as unknown as Typed<{
  policy: PlacementPolicy;
  reason?: string;
}>;
const MOST = 1_000;
const planBody = z
  .strictObject({ limit: z.int().min(1).max(MOST).default(MOST).meta({ description: "the most users" }) })
  .meta({ id: "BalanceRequest" }) as unknown as Typed<{ limit: number }>;

const asking = {
  tags: ["admin"],
  security: [{ bearer: [] }],
  middleware: [requireUser, requireAdmin, requireBody] as [typeof requireUser, typeof requireAdmin, typeof requireBody],
};
const refusals = problems(400, 401, 403, 413, 415, 422, 503);
const placementPath = "/admin/placement";

const routes = {
  get: createRoute({
    ...looking,
    path: placementPath,
    summary: "By what new users' homes are chosen",
    responses: { 200: json(placementSchema, "now"), ...lookingRefusals },
  }),
  set: createRoute({
    ...asking,
    method: "put",
    path: placementPath,
    summary: "Choose by what new users' homes are chosen",
    request: { body: body(policyBody), headers: reasonHeader },
    responses: { 200: json(placementSchema, "from now on"), ...refusals },
  }),
  plan: createRoute({
    ...asking,
    method: "post",
    path: "/admin/moves/plan",
    summary: "Measure the homes, and plan whom to move so that each holds what its weight says; nobody is moved",
    request: { body: body(planBody), headers: reasonHeader },
    responses: { 200: json(planSchema, "what is to be moved"), ...refusals },
  }),
};

/** Users who go the same way, as many as one request begins to move. */
const MOVED_AT_ONCE = 500;

function waysOf(moves: readonly PlannedMove[]): z.infer<typeof way>[] {
  const ways: z.infer<typeof way>[] = [];
  for (const { user_id, from, to, records, bytes } of moves) {
    const same = ways.findLast((each) => each.from === from && each.to === to);
    const found = same && same.users.length < MOVED_AT_ONCE ? same : { from, to, users: [], records: 0, bytes: 0 };
    if (found !== same) ways.push(found);
    found.users.push(user_id);
    found.records += records;
    found.bytes += bytes;
  }
  return ways;
}

export const placementRoutes = () =>
  createRoutes()
    .openapi(routes.get, async (c) => {
      const { config } = c.var.dependencies;
      const service = serviceClient(config, { timeoutMs: leftOf(c, deadlinesOf(config).requestMs) });
      return c.json(unwrap(await createPlacementPolicy(service).get()), 200);
    })
    .openapi(routes.set, async (c) => {
      const { config, router } = c.var.dependencies;
      const { statisticsMs } = deadlinesOf(config);
      const service = serviceClient(config, { timeoutMs: leftOf(c, statisticsMs) });
      const control = createPlacementPolicy(service);
      const parts = { control, assignments: createAssignments(service), registry: router.registry };
      const set = await setPolicy({ ...parts, limitMs: statisticsMs / 2 }, c.req.valid("json").policy);
      return c.json(unwrap(set), 200);
    })
    .openapi(routes.plan, async (c) => {
      const { config, router, clock } = c.var.dependencies;
      const { statisticsMs } = deadlinesOf(config);
      const service = serviceClient(config, { timeoutMs: leftOf(c, statisticsMs) });
      // what is left over is for the plan: whoever is not measured by then is an average user in it
      const until = clock() + leftOf(c, statisticsMs) / 2;
      const { moves, ...plan } = unwrap(
        await measureAndPlan({
          loads: createLoadsControl(service),
          assignments: createAssignments(service),
          registry: router.registry,
          callMs: statisticsMs / 2,
          isOver: () => clock() > until,
          limit: c.req.valid("json").limit,
        }),
      );
      return c.json({ ...plan, ways: waysOf(moves) }, 200);
    });
