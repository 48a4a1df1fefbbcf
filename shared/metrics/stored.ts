/** What Postgres keeps of all instances' measures. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { addBuckets, quantile } from "./buckets.ts";
import type { Ask } from "./metrics.ts";
import type { Labels } from "./tally.ts";

/** One series since counting began. */
export interface Total {
  metric: string;
  labels: Labels;
  count: number;
  seconds: number;
  /** as in buckets.ts; empty: a counter */
  buckets: number[];
}

/** Of the requests of a minute or an hour. Seconds; null: there were none, or not as many as have been timed. */
interface Measured {
  requests: number;
  /** 5xx */
  errors: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

interface Point extends Measured {
  at: string;
  /** 4xx, those that were too many among them */
  refused: number;
  /** that were too many */
  limited: number;
  /** by the database that most of the request's time went to; "none" of those that asked none */
  databases: Record<string, Measured>;
}

interface Counted {
  requests: number;
  errors: number;
  refused: number;
  buckets: (number | null)[];
}
interface StoredPoint extends Counted {
  at: string;
  database: string;
  limited: number;
}
interface StoredRoute extends Counted {
  method: string;
  route: string;
}
interface Stored {
  step_seconds: number;
  points: StoredPoint[];
  routes: StoredRoute[];
}

export interface Series {
  step_seconds: number;
  points: Point[];
  routes: (Measured & { method: string; route: string; refused: number })[];
}

export const readTotals = (ask: Ask, timeoutMs: number): Promise<Result<Total[], RepositoryError>> =>
  ask("switchyard_metric_totals", {}, timeoutMs);

/** Points since then, by the minute, or by the hour if that is more than six hours ago. Where nothing happened there is no point. */
export async function readSeries(ask: Ask, since: Date, timeoutMs: number): Promise<Result<Series, RepositoryError>> {
  const found = await ask<Stored>("switchyard_metric_points", { p_since: since.toISOString() }, timeoutMs);
  return found.map(({ step_seconds, points, routes }) => ({
    step_seconds,
    points: pointsOf(points),
    routes: routes.map(({ method, route, refused, ...counted }) => ({
      method,
      route,
      refused,
      ...measuredOf(counted),
    })),
  }));
}

function pointsOf(stored: readonly StoredPoint[]): Point[] {
  const byTime = new Map<string, StoredPoint[]>();
  for (const row of stored) byTime.set(row.at, [...(byTime.get(row.at) ?? []), row]);
  return [...byTime].map(([at, rows]) => {
    const all = { requests: 0, errors: 0, refused: 0, limited: 0, buckets: [] as number[] };
    for (const row of rows) {
      for (const name of ["requests", "errors", "refused", "limited"] as const) all[name] += row[name];
      addBuckets(all.buckets, numbersIn(row.buckets));
    }
    const databases = Object.fromEntries(rows.map((row) => [row.database, measuredOf(row)]));
    const { refused, limited } = all;
    return { at: new Date(at).toISOString(), ...measuredOf(all), refused, limited, databases };
  });
}

const numbersIn = (buckets: readonly (number | null)[]) => buckets.map((count) => count ?? 0);

function measuredOf({ requests, errors, buckets }: Pick<Counted, "requests" | "errors" | "buckets">): Measured {
  const at = (part: number) => quantile(part, numbersIn(buckets));
  return { requests, errors, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
