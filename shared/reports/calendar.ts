/**
 * Calendar days, `YYYY-MM-DD`, by arithmetic on UTC dates. Months and years are counted from the anchor and never from
 * the step before, so that a period from 31 January goes on to 28 February and then to 31 March.
 */
export type Period = "weekly" | "monthly" | "yearly";

export interface DayRange {
  /** both days belong to it */
  from: string;
  to: string;
}

const DAY_MS = 86_400_000;

const LAST_DAY = "9999-12-31";

const parse = (day: string): number => Date.parse(`${day}T00:00:00Z`);
/** Days after the last that can be written are shown as the last one. */
const format = (ms: number): string => new Date(Math.min(ms, parse(LAST_DAY))).toISOString().slice(0, 10);

/** The same day of the month so many months later, or that month's last day where it has fewer. */
function monthsAfter(day: string, months: number): number {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const first = new Date(0);
  first.setUTCFullYear(year, month - 1 + months, 1);
  const last = new Date(0);
  last.setUTCFullYear(first.getUTCFullYear(), first.getUTCMonth() + 1, 0);
  return first.setUTCDate(Math.min(date, last.getUTCDate()));
}

/** The period that holds the day, counted from the anchor. The day must not be before the anchor. */
export function periodOf(period: Period, anchor: string, day: string): DayRange {
  // in milliseconds, not as text: the period after the last one begins in the year 10000
  const start = (index: number) =>
    period === "weekly"
      ? parse(anchor) + index * 7 * DAY_MS
      : monthsAfter(anchor, index * (period === "monthly" ? 1 : 12));
  // an estimate that is never too small, then the exact answer
  const days = (parse(day) - parse(anchor)) / DAY_MS;
  let index = Math.floor(days / { weekly: 7, monthly: 28, yearly: 365 }[period]);
  while (index > 0 && start(index) > parse(day)) index--;
  return { from: format(start(index)), to: format(start(index + 1) - DAY_MS) };
}

/** The day that it is in a time zone. */
export function today(nowMs: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).formatToParts(nowMs);
  const part = (type: string) => parts.find((item) => item.type === type)?.value ?? "";
  return `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}`;
}
