/**
 * Reads the text formats of Prometheus (0.0.4) and OpenMetrics (1.0) back, and is strict: whatever either would refuse throws.
 */
interface ReadSample {
  name: string;
  labels: Record<string, string>;
  value: number;
}
export interface ReadFamily {
  type: string;
  help: string;
  samples: ReadSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const PAIR = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

export function readMetricsText(text: string, format: "prometheus" | "openmetrics"): Map<string, ReadFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  const families = new Map<string, ReadFamily>();
  const seen = new Set<string>();
  let current = "";
  for (const line of lines) {
    const help = new RegExp(`^# HELP (${NAME}) (.*)$`).exec(line);
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
    if (help) {
      [, current = ""] = help;
      if (families.has(current)) throw new Error(`${current} begins twice`);
      families.set(current, { type: "", help: help[2] ?? "", samples: [] });
      continue;
    }
    const family = families.get(current);
    if (!family) throw new Error(`before any family: ${line}`);
    if (type) {
      if (type[1] !== current || family.samples.length > 0) throw new Error(`out of place: ${line}`);
      family.type = type[2] ?? "";
      continue;
    }
    const sample = sampleIn(line);
    const base = family.type === "counter" && format === "prometheus" ? current.replace(/_total$/, "") : current;
    const suffixes = SUFFIXES[family.type] ?? [];
    if (!suffixes.some((suffix) => sample.name === base + suffix)) throw new Error(`not of ${current}: ${line}`);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    family.samples.push(sample);
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function sampleIn(line: string): ReadSample {
  const [, name, braces, text] = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
  if (!name || !text) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  for (let at = 0; braces !== undefined && at < braces.length; ) {
    PAIR.lastIndex = at;
    const [pair, label = "", value = ""] = PAIR.exec(braces) ?? [];
    if (!pair || label in labels) throw new Error(`labels: ${line}`);
    labels[label] = value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
    at += pair.length;
  }
  const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
  if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
  return { name, labels, value };
}

/** Buckets rise, by bounds that rise, and the last is all there is. */
function checkHistogram(name: string, { samples }: ReadFamily): void {
  const series = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le: _, ...rest } = sample.labels;
    const key = JSON.stringify(rest);
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, of] of series) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) => (le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le)));
    const counts = buckets.map(({ value }) => value);
    const count = of.find((sample) => sample.name === `${name}_count`)?.value;
    const rises = (values: number[], strictly: boolean) =>
      values.every((value, at) => at === 0 || value > (values[at - 1] ?? 0) || (!strictly && value === values[at - 1]));
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name}${key}: no +Inf`);
    if (!rises(bounds, true) || !rises(counts, false)) throw new Error(`${name}${key}: not cumulative`);
    if (counts.at(-1) !== count) throw new Error(`${name}${key}: +Inf is not _count`);
    if (!of.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name}${key}: no _sum`);
  }
}
