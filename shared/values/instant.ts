/** Instants with an offset, as RFC 3339 has them and Postgres does not. */

const FIRST = "0001-01-01T00:00:00Z";
const LAST = "9999-12-31T23:59:59.999999Z";

/**
 * The same instant in UTC, with all digits of its fraction. Postgres takes no offset beyond 15:59 and no year 0, which a
 * valid date-time may have: what comes before its first year, or after the last of four digits, is as good as that one's.
 */
export function utcInstant(instant: string): string {
  const fraction = /\.(\d+)/.exec(instant)?.[1];
  const whole = new Date(instant.replace(/\.\d+/, "")).toISOString();
  if (whole.startsWith("-") || whole.startsWith("0000")) return FIRST;
  if (whole.startsWith("+")) return LAST;
  return whole.replace(".000Z", fraction ? `.${fraction}Z` : "Z");
}
