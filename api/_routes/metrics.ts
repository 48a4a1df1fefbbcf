/** `/admin/metrics`: how many requests, how they ended and how long they took, of all instances; and how things are now. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { allCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { BOUNDS, quantile } from "../../shared/metrics/buckets.ts";
import { type Ask, FLUSH_MS } from "../../shared/metrics/metrics.ts";
import { readSeries, readTotals, type Total } from "../../shared/metrics/stored.ts";
import { CONTENT_TYPES, type Format } from "../../shared/metrics/text.ts";
import { CONTROL_PLANE } from "../../shared/placement/database-names.ts";
import { deadlineIn } from "../../shared/placement/deadline.ts";
import { copiedTo, REPLICA_HOLDER } from "../../shared/placement/kept-collections.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { supabaseSource } from "../../shared/replication/source.ts";
import { ENGINES } from "../../shared/repository/database.ts";
import { within } from "../../shared/values/within.ts";
import { json, problems } from "../_answers.ts";
import { metricsText } from "../_metrics-text.ts";
import { requireViewerOrScraper } from "../_scraper.ts";
import { leftOf, timingOf } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const MAX_MINUTES = 43_200;

const count = z.int().min(0);
const seconds = z.number().nullable();
const measured = {
  requests: count,
  errors: count.meta({ description: "5xx" }),
  p50: seconds.meta({
    description: "seconds, as are all of them; interpolated between fixed bounds; null: nothing was timed",
  }),
  p95: seconds,
  p99: seconds,
};
const measuredSchema = z.object(measured).meta({ id: "Measured" });
const refused = count.meta({ description: "4xx" });
const pointSchema = z
  .object({
    at: z.iso.datetime().meta({ description: "the beginning of the minute, or the hour" }),
    ...measured,
    refused,
    limited: count.meta({ description: "429: too many" }),
    databases: z.record(z.string(), measuredSchema).meta({
      description: "by the database that most of a request's time went to; `none`: it asked none",
    }),
  })
  .meta({ id: "MetricPoint" });
const seriesSchema = z
  .object({
    since: z.iso.datetime(),
    step_seconds: z.int().meta({ description: "60, or 3600 where more than six hours were asked for" }),
    points: z.array(pointSchema).meta({ description: "oldest first; where nothing happened there is none" }),
    routes: z
      .array(z.object({ method: z.string(), route: z.string(), ...measured, refused }))
      .meta({ description: "of the same time, the 200 with most requests first" }),
  })
  .meta({ id: "MetricSeries" });
const totalSchema = z
  .object({
    metric: z.enum(["request", "call", "cache", "limited"]),
    labels: z.record(z.string(), z.string()).meta({
      description:
        "of requests: method, route, database, status (`2xx`), code (of a problem, else empty); of calls: database, path; " +
        "of the cache: result; of limits: limit",
    }),
    count,
    seconds: z.number().meta({ description: "all together; 0 of counters" }),
    buckets: z
      .array(count)
      .meta({ description: "how many within each of `bounds`, and the last beyond; empty of counters" }),
    p50: seconds,
    p95: seconds,
    p99: seconds,
  })
  .meta({ id: "MetricTotal" });
const pool = z.object({ open: count, busy: count, waiting: count }).nullable();
const metricsSchema = z
  .object({
    timestamp: z.iso.datetime(),
    bounds: z.array(z.number()).meta({ description: "of `buckets`, in seconds" }),
    totals: z.array(totalSchema).nullable().meta({
      description: "of all instances since counting began; null: Supabase, which keeps them, does not say",
    }),
    series: seriesSchema.nullable().meta({ description: "null: Supabase does not say" }),
    databases: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(ENGINES),
        connected: z.boolean(),
        latency_ms: z.number().nullable(),
        error: z.string().nullable(),
        breaker: z.enum(["closed", "open"]).meta({ description: "of the instance that answers" }),
        pool: pool.meta({
          description: "of the instance that answers; null: nothing is connected, or calls go over REST",
        }),
      }),
    ),
    replication: z
      .object({
        is_on: z.boolean(),
        pending: count,
        failing: count,
        dead: count,
        conflicts: count,
        oldest_ms: z.number().nullable(),
        lag_p50_ms: z.number().nullable(),
        lag_p99_ms: z.number().nullable(),
      })
      .nullable()
      .meta({ description: "null: Supabase does not say" }),
    instance: z
      .object({
        unflushed: count.meta({ description: "series that are not in `totals` yet" }),
        dropped: count.meta({
          description: "series that never will be: there were too many, or Supabase was away for long",
        }),
        flushed_at: z.iso.datetime().nullable(),
        flush_seconds: z.int().meta({ description: "how often an instance brings what it has counted" }),
      })
      .meta({
        description: "the one that answers: it brings its own before it answers, others when their time has come",
      }),
  })
  .meta({ id: "Metrics" });

const metrics = createRoute({
  method: "get",
  path: "/admin/metrics",
  tags: ["admin"],
  summary: "Requests, errors and durations by route, database and outcome; and how databases and the copy are",
  description:
    "JSON; with `accept: text/plain` or `?format=prometheus` the text format of Prometheus, with `?format=openmetrics` that of " +
    "OpenMetrics, both without `series`. Whoever fetches it without an account presents METRICS_TOKEN.",
  security: [{ bearer: [] }, { scraper: [] }],
  middleware: requireViewerOrScraper,
  request: {
    query: z.object({
      minutes: z
        .string()
        .regex(/^[1-9]\d{0,4}$/)
        .optional()
        .meta({ description: `of \`series\`: 1 to ${MAX_MINUTES}, 60 unless told` }),
      since: z.iso.datetime({ offset: true }).optional().meta({ description: "of `series`, instead of `minutes`" }),
      format: z.enum(["json", "prometheus", "openmetrics"]).optional(),
    }),
  },
  responses: {
    200: {
      ...json(metricsSchema, "as it is now"),
      content: {
        "application/json": { schema: metricsSchema },
        "text/plain": { schema: z.string() },
        "application/openmetrics-text": { schema: z.string() },
      },
    },
    ...problems(400, 401, 403, 503),
  },
});

const withQuantiles = (total: Total) => ({
  ...total,
  metric: total.metric as z.infer<typeof totalSchema>["metric"],
  ...{ p50: quantile(0.5, total.buckets), p95: quantile(0.95, total.buckets), p99: quantile(0.99, total.buckets) },
});

export const metricsRoutes = () =>
  createRoutes().openapi(metrics, async (c) => {
    const { config, clock, router, pools, metrics: own } = c.var.dependencies;
    const query = c.req.valid("query");
    const format = query.format ?? formatIn(c.req.header("accept"));
    const { statisticsMs } = deadlinesOf(config);
    const ask: Ask = (name, parameters, timeoutMs) =>
      router.control("read", name, parameters, { signal: deadlineIn(timeoutMs), onCall: timingOf(c) });
    // its own first, so that who asks twice sees the first time; others bring theirs when they do
    if (own && !router.getBreakers().some(({ name, isOpen }) => name === CONTROL_PLANE && isOpen))
      await within(leftOf(c, statisticsMs / 2), own.flush());
    const left = leftOf(c, statisticsMs);
    const since = sinceIn(query, clock());
    const source = supabaseSource(serviceClient(config, { timeoutMs: left }), copiedTo(REPLICA_HOLDER, allCollections));
    const [totals, series, health, status] = await Promise.all([
      readTotals(ask, left),
      format === "json" ? readSeries(ask, since, left) : undefined,
      router.getHealth(timingOf(c)),
      source.status(),
    ]);
    const connected = new Map(pools?.all().map(({ database, ...counts }) => [database, counts]));
    const breakers = new Map(router.getBreakers().map(({ name, isOpen }) => [name, isOpen]));
    const measures = {
      totals: totals.unwrapOr(null),
      databases: health.homes.map(({ name, kind, connected: isThere, latencyMs, error }) => ({
        ...{ name, kind, connected: isThere, latency_ms: latencyMs, error },
        breaker: breakers.get(name) ? ("open" as const) : ("closed" as const),
        pool: connected.get(name) ?? null,
      })),
      replication: status.map(repliesOf).unwrapOr(null),
      instance: own?.state() ?? { unflushed: 0, dropped: 0, flushed_at: null },
    };
    if (format !== "json")
      // texts are beyond the types of the handler
      return c.body(metricsText(format, measures), 200, {
        "content-type": CONTENT_TYPES[format],
        vary: "accept",
      }) as never;
    return c.json(
      {
        timestamp: new Date(clock()).toISOString(),
        bounds: [...BOUNDS],
        ...measures,
        totals: measures.totals?.map(withQuantiles) ?? null,
        series: series?.map((found) => ({ since: since.toISOString(), ...found })).unwrapOr(null as never) ?? null,
        instance: { ...measures.instance, flush_seconds: FLUSH_MS / 1_000 },
      },
      200,
      { vary: "accept" },
    );
  });

type Status = z.infer<typeof metricsSchema.shape.replication>;
function repliesOf(found: NonNullable<Status>): NonNullable<Status> {
  const { is_on, pending, failing, dead, conflicts, oldest_ms, lag_p50_ms, lag_p99_ms } = found;
  return { is_on, pending, failing, dead, conflicts, oldest_ms, lag_p50_ms, lag_p99_ms };
}

/** Prometheus says all that it takes, OpenMetrics among it; whoever takes anything gets JSON. */
function formatIn(accept = ""): "json" | Format {
  if (/application\/json/i.test(accept)) return "json";
  if (/application\/openmetrics-text/i.test(accept)) return "openmetrics";
  return /text\/plain/i.test(accept) ? "prometheus" : "json";
}

function sinceIn({ minutes, since }: { minutes?: string | undefined; since?: string | undefined }, now: number): Date {
  const asked = since === undefined ? now - Math.min(Number(minutes ?? 60), MAX_MINUTES) * 60_000 : Date.parse(since);
  return new Date(Math.max(asked, now - MAX_MINUTES * 60_000));
}
