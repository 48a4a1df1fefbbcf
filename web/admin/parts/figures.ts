/** Numbers, sizes and times as people read them. What is not known is a dash. */

export const UNKNOWN = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export const countOf = (value: number | null | undefined): string => (value == null ? UNKNOWN : whole.format(value));

/** With its noun: `1 user`, `2 users`. */
export const countedOf = (value: number, noun: string): string =>
  `${whole.format(value)} ${noun}${value === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;

/** Bytes in units of 1,024, as database providers count. */
export function sizeOf(bytes: number | null | undefined): string {
  if (bytes == null) return UNKNOWN;
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${fine.format(bytes / 1024 ** power)} ${units[power]}`;
}

/** A span in milliseconds: `12 ms`, `3.4 s`, `5 min`, `2 h`, `3 d`. */
export function spanOf(ms: number | null | undefined): string {
  if (ms == null) return UNKNOWN;
  const spans = [
    [86_400_000 * 2, 86_400_000, "d"],
    [3_600_000 * 2, 3_600_000, "h"],
    [60_000 * 2, 60_000, "min"],
    [1_000, 1_000, "s"],
  ] as const;
  for (const [from, unit, name] of spans) if (ms >= from) return `${fine.format(ms / unit)} ${name}`;
  return `${fine.format(ms)} ms`;
}

export function percentOf(part: number, all: number): string {
  if (all === 0) return UNKNOWN;
  const percent = (part / all) * 100;
  return percent > 0 && percent < 0.1 ? "< 0.1 %" : `${fine.format(percent)} %`;
}
