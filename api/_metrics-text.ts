/** The answer of `/admin/metrics` as text: which measures there are, and what they are called. */
import { addBuckets } from "../shared/metrics/buckets.ts";
import type { Total } from "../shared/metrics/stored.ts";
import { createText, type Format } from "../shared/metrics/text.ts";

/** What there is to say; what cannot be known is absent, and so are its series: a gap, and no zero. */
export interface Measures {
  totals: readonly Total[] | null;
  databases: readonly {
    name: string;
    connected: boolean;
    latency_ms: number | null;
    breaker: "closed" | "open";
    pool: { open: number; busy: number; waiting: number } | null;
  }[];
  replication: {
    pending: number;
    failing: number;
    dead: number;
    conflicts: number;
    oldest_ms: number | null;
    lag_p99_ms: number | null;
  } | null;
  instance: { unflushed: number; dropped: number };
}

export function metricsText(format: Format, { totals, databases, replication, instance }: Measures): string {
  const text = createText(format);
  const of = (metric: string) => (totals ?? []).filter((total) => total.metric === metric);
  const counted = (metric: string) => of(metric).map(({ labels, count }) => ({ labels, value: count }));
  text.counter({ name: "switchyard_requests", help: "Requests answered" }, counted("request"));
  // outcomes are in the counter: a histogram for each would be twelve series more
  text.histogram(
    { name: "switchyard_request_seconds", help: "From the first byte of a request to its answer" },
    together(of("request"), ["method", "route", "database"]),
  );
  text.histogram({ name: "switchyard_database_call_seconds", help: "Calls of a database" }, of("call"));
  text.counter({ name: "switchyard_cache_answers", help: "Answers of the cache" }, counted("cache"));
  text.counter({ name: "switchyard_limited", help: "Requests refused by a limit" }, counted("limited"));
  const each = (value: (database: Measures["databases"][number]) => number | null | undefined) =>
    databases.flatMap((database) => {
      const found = value(database);
      return found === null || found === undefined ? [] : [{ labels: { database: database.name }, value: found }];
    });
  text.gauge(
    { name: "switchyard_database_up", help: "Whether it answers" },
    each(({ connected }) => Number(connected)),
  );
  text.gauge(
    { name: "switchyard_database_latency_seconds", help: "Of a look at whether it answers" },
    each(({ latency_ms }) => (latency_ms !== null && latency_ms !== undefined ? latency_ms / 1_000 : null)),
  );
  text.gauge(
    { name: "switchyard_breaker_open", help: "Whether the instance that answers refuses calls of it" },
    each(({ breaker }) => Number(breaker === "open")),
  );
  for (const name of ["open", "busy", "waiting"] as const)
    text.gauge(
      { name: `switchyard_pool_${name}`, help: `Connections of the instance that answers: ${name}` },
      each(({ pool }) => pool?.[name]),
    );
  for (const name of ["pending", "failing", "dead", "conflicts"] as const)
    text.gauge(
      { name: `switchyard_replication_${name}`, help: `Rows of the copy: ${name}` },
      replication ? [{ value: replication[name] }] : [],
    );
  text.gauge(
    { name: "switchyard_replication_oldest_seconds", help: "How long the oldest row that is pending has waited" },
    replication ? [{ value: (replication.oldest_ms ?? 0) / 1_000 }] : [],
  );
  text.gauge(
    { name: "switchyard_replication_lag_seconds", help: "From a change to its copy, 99th percentile of ten minutes" },
    replication?.lag_p99_ms === null || !replication ? [] : [{ value: replication.lag_p99_ms / 1_000 }],
  );
  text.gauge(
    { name: "switchyard_metrics_unflushed", help: "Series that the instance that answers has not brought yet" },
    [{ value: instance.unflushed }],
  );
  text.gauge({ name: "switchyard_metrics_dropped", help: "Series that the instance that answers has dropped" }, [
    { value: instance.dropped },
  ]);
  return text.end();
}

/** Sums over all other labels. */
function together(totals: readonly Total[], names: readonly string[]): Total[] {
  const sums = new Map<string, Total>();
  for (const { metric, labels, count, seconds, buckets } of totals) {
    const kept = Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
    const key = JSON.stringify(kept);
    const sum = sums.get(key) ?? { metric, labels: kept, count: 0, seconds: 0, buckets: [] };
    sum.count += count;
    sum.seconds += seconds;
    addBuckets(sum.buckets, buckets);
    sums.set(key, sum);
  }
  return [...sums.values()];
}
