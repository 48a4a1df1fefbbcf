/** An instant, in the reader's own time. */
import { UNKNOWN } from "./figures.ts";

const short = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const older = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const HALF_A_YEAR_MS = 15_768_000_000;

const second = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
/** `14:05:09` */
export const secondOf = (at: number): string => second.format(at);

/** Of all times on the pages, with how far it is from UTC just now. */
export function TimeZone() {
  const { timeZone } = second.resolvedOptions();
  const offset = new Intl.DateTimeFormat("en-GB", { timeZoneName: "shortOffset" })
    .formatToParts()
    .find(({ type }) => type === "timeZoneName")?.value;
  return <p class="soft small">{timeZone === "UTC" ? "Times are in UTC." : `Times are in ${timeZone} (${offset}).`}</p>;
}

/** The whole instant is shown where it is pointed at. */
export function Time({ at, none = UNKNOWN }: { at: string | null | undefined; none?: string }) {
  if (!at) return <span class="soft">{none}</span>;
  const date = new Date(at);
  const isOld = Math.abs(Date.now() - date.getTime()) > HALF_A_YEAR_MS;
  return (
    <time dateTime={at} title={full.format(date)}>
      {(isOld ? older : short).format(date)}
    </time>
  );
}
