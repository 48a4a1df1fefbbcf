/** How the copy stands, for admins. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { allCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { CONTROL_PLANE } from "../../shared/placement/database-names.ts";
import { copiedTo, REPLICA_HOLDER } from "../../shared/placement/kept-collections.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { supabaseSource } from "../../shared/replication/source.ts";
import { json, problems } from "../_answers.ts";
import { requireUser } from "../_middleware.ts";
import { requireViewer } from "../_operators.ts";
import { leftOf, timingOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const ms = z.number().nullable();
const numbers = {
  pending: z.int().meta({ description: "rows that have changed and are still to be copied" }),
  failing: z.int().meta({ description: "rows that the copy has refused, and that are tried again" }),
  dead: z.int().meta({ description: "rows that were set aside: `switchyard replication status` says why" }),
  conflicts: z.int().meta({
    description:
      "rows that were changed on both sides, and nobody has decided about: `switchyard replication conflicts`",
  }),
};
const unsentSchema = z.object({
  collection: z.string(),
  pending: z.int().meta({ description: "records that Supabase does not have yet" }),
  failing: z.int().meta({ description: "of those, ones that Supabase has refused, and that are tried again" }),
  dead: z.int().meta({ description: "records that were set aside" }),
  oldest_ms: ms.meta({ description: "how long the oldest of what is pending has waited; null: nothing is pending" }),
});
const statusSchema = z
  .object({
    is_on: z.boolean().meta({ description: "false: nothing is copied; `switchyard replication backfill` begins it" }),
    has_copy: z.boolean().meta({ description: "whether a MongoDB is configured where this is answered" }),
    ...numbers,
    oldest_ms: ms.meta({ description: "how long the oldest of what is pending has waited; null: nothing is pending" }),
    lag_p50_ms: ms.meta({
      description: "from a change to its copy, over the last ten minutes; null: nothing was copied",
    }),
    lag_p99_ms: ms,
    back_lag_p50_ms: ms.meta({
      description: "the same of the way back, from MongoDB to Supabase; null: nothing came back",
    }),
    back_lag_p99_ms: ms,
    copied_per_second: ms.meta({ description: "rows to MongoDB, over the last minute; null: none" }),
    collections: z.array(
      z.object({
        collection: z.string(),
        both_ways: z.boolean().meta({ description: "whether both databases take writes of it" }),
        ...numbers,
        received_up_to: z.string().nullable().meta({
          description:
            "what MongoDB took before then is in Supabase; null: not known, or MongoDB takes no writes of it",
        }),
        backfill: z
          .object({ marked: z.int(), started_at: z.string(), done_at: z.string().nullable() })
          .nullable()
          .meta({ description: "how far it was brought up from nothing; null: it never was" }),
      }),
    ),
  })
  .extend({
    unsent: z.array(unsentSchema).nullable().meta({
      description: "the way back, of collections that both databases take writes of; null: MongoDB does not say",
    }),
  })
  .meta({ id: "ReplicationStatus" });

const status = createRoute({
  method: "get",
  path: "/admin/replication",
  tags: ["admin"],
  summary: "How far the copy is behind, and what it refuses",
  security: [{ bearer: [] }],
  middleware: [requireUser, requireViewer] as const,
  responses: { 200: json(statusSchema, "as it is now"), ...problems(401, 403, 503) },
});

export const replicationRoutes = () =>
  createRoutes().openapi(status, async (c) => {
    const { config, clock, router } = c.var.dependencies;
    const limit = { timeoutMs: leftOf(c, deadlinesOf(config).statisticsMs) };
    const source = supabaseSource(serviceClient(config, limit), copiedTo(REPLICA_HOLDER, allCollections));
    const start = clock();
    const found = unwrap(await source.status());
    timingOf(c)(CONTROL_PLANE, clock() - start, "rest");
    const unsent = (await router.getUnsent({ onCall: timingOf(c) })).unwrapOr(null);
    const has_copy = config.databases.some(({ name }) => name === REPLICA_HOLDER);
    return c.json({ ...found, has_copy, unsent, collections: [...found.collections] }, 200);
  });
