/** Days and sizes, as the reader of the page writes them. */

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
/** A day of the calendar is the same everywhere: it is read and written as UTC's. */
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

export const dayOf = (instant: string): string => day.format(new Date(instant));
export const momentOf = (instant: string): string => moment.format(new Date(instant));
/** Of `YYYY-MM-DD`. */
export const calendarDayOf = (date: string): string => calendar.format(new Date(`${date}T00:00:00Z`));

/** Today where the reader is, as `YYYY-MM-DD`. */
export function today(now = new Date()): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** In units of 1,024 bytes, as databases count. */
export function bytesOf(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 }).format(bytes / 1024 ** power)} ${units[power]}`;
}
