/**
 * Measures as text, for Prometheus (its text format 0.0.4) and whatever reads OpenMetrics 1.0. By hand: prom-client keeps
 * counters of its own process, and cannot be given sums that stand elsewhere; and it brings OpenTelemetry's API along.
 */
import { BOUNDS } from "./buckets.ts";
import type { Labels } from "./tally.ts";

interface Family {
  /** without `_total` */
  name: string;
  help: string;
}
interface Sample {
  labels?: Labels;
  value: number;
}
interface Timed {
  labels: Labels;
  count: number;
  seconds: number;
  buckets: readonly number[];
}

export type Format = "prometheus" | "openmetrics";

/** What `content-type` says of each. */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

export function createText(format: Format) {
  const lines: string[] = [];
  const isOpen = format === "openmetrics";
  const begin = (name: string, type: string, help: string) => {
    lines.push(`# HELP ${name} ${escaped(help, isOpen)}`, `# TYPE ${name} ${type}`);
  };
  const line = (name: string, labels: Labels, value: number) =>
    lines.push(`${name}${inBraces(labels)} ${number(value)}`);
  return {
    /** What only rises, while Postgres keeps it. Without samples it is left out, and so are the others. */
    counter({ name, help }: Family, samples: readonly Sample[]): void {
      if (samples.length === 0) return;
      begin(isOpen ? name : `${name}_total`, "counter", help);
      for (const { labels = {}, value } of samples) line(`${name}_total`, labels, value);
    },
    gauge({ name, help }: Family, samples: readonly Sample[]): void {
      if (samples.length === 0) return;
      begin(name, "gauge", help);
      for (const { labels = {}, value } of samples) line(name, labels, value);
    },
    histogram({ name, help }: Family, samples: readonly Timed[]): void {
      if (samples.length === 0) return;
      begin(name, "histogram", help);
      for (const { labels, count, seconds, buckets } of samples) {
        let sum = 0;
        for (const [index, bound] of BOUNDS.entries()) {
          sum += buckets[index] ?? 0;
          line(`${name}_bucket`, { ...labels, le: float(bound) }, sum);
        }
        line(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
        line(`${name}_sum`, labels, seconds);
        line(`${name}_count`, labels, count);
      }
    },
    end: (): string => `${[...lines, ...(isOpen ? ["# EOF"] : [])].join("\n")}\n`,
  };
}

/** Of one name for each bound, as OpenMetrics writes floats. */
const float = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));
const number = (value: number) =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

function inBraces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, true)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string, quotes: boolean): string {
  const safe = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quotes ? safe.replaceAll('"', '\\"') : safe;
}
