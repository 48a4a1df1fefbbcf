/** Requests, errors and how long they took, over the last hour. */
import { useMemo } from "preact/hooks";
import { countOf, spanOf } from "../parts/figures.ts";
import { type Line, SeriesChart } from "../parts/series-chart.tsx";
import type { Metrics, Series } from "../parts/shapes.ts";
import { Routes } from "./routes.tsx";

type Point = Series["points"][number];

export function Requests({ metrics }: { metrics: Metrics | undefined }) {
  const series = metrics?.series;
  const points = useMemo(() => (series ? filledOf(series, Date.parse(metrics.timestamp)) : []), [series, metrics]);
  const { times, counts, durations } = useMemo(
    () => ({
      times: points.map(({ at }) => at),
      counts: [
        lineOf("Requests", "tone-accent", points, (point) => point?.requests ?? 0),
        { ...lineOf("Refused", "tone-quiet", points, (point) => point?.refused ?? 0), isRare: true },
        { ...lineOf("Errors", "tone-bad", points, (point) => point?.errors ?? 0), isRare: true },
      ],
      durations: [
        lineOf("50 %", "tone-accent", points, (point) => inMs(point?.p50)),
        lineOf("95 %", "tone-warn", points, (point) => inMs(point?.p95)),
        lineOf("99 %", "tone-bad", points, (point) => inMs(point?.p99)),
      ],
    }),
    [points],
  );
  if (!metrics) return null;
  if (!series) return <p class="notice">Supabase keeps the counts of requests, and does not say them now.</p>;
  return (
    <>
      <div class="two">
        <SeriesChart title="Requests a minute" times={times} lines={counts} format={countOf} />
        <SeriesChart title="How long they took" times={times} lines={durations} format={spanOf} />
      </div>
      <Routes routes={series.routes} />
    </>
  );
}

interface Minute {
  /** milliseconds since 1970 */
  readonly at: number;
  /** undefined: nothing happened then */
  readonly point: Point | undefined;
}

/** A point for every step of the time that was asked for: where nothing happened, the API says none. */
function filledOf({ points, since, step_seconds: step }: Series, until: number): Minute[] {
  const stepMs = step * 1_000;
  const known = new Map(points.map((point) => [Date.parse(point.at), point]));
  const minutes: Minute[] = [];
  for (let at = Math.ceil(Date.parse(since) / stepMs) * stepMs; at <= until; at += stepMs)
    minutes.push({ at, point: known.get(at) });
  return minutes;
}

const inMs = (seconds: number | null | undefined): number | null => (seconds == null ? null : seconds * 1_000);
const lineOf = (
  name: string,
  tone: string,
  points: readonly Minute[],
  value: (point: Point | undefined) => number | null,
): Line => ({ name, tone, values: points.map(({ point }) => value(point)) });
