/**
 * Money and other decimals: strings of up to 15 digits before the point and 4 behind it, exact everywhere.
 * Postgres keeps them as `numeric(19,4)`, MongoDB as Decimal128; neither may round, so all rounding is done here.
 */
import Big from "big.js";

export const DECIMAL_PATTERN = /^(?:0|[1-9]\d{0,14})(?:\.\d{1,4})?$/;
export const SIGNED_DECIMAL_PATTERN = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,4})?$/;

/** The one spelling of a decimal: at least two digits behind the point, trailing zeros beyond them cut ("1.5000" -> "1.50"). */
export function canonicalDecimal(value: string | Big): string {
  const fixed = new Big(value).toFixed();
  const [whole = "0", fraction = ""] = fixed.split(".");
  return `${whole}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** `sum / count` to 4 decimals, half even: the engines round averages differently, so they only give sums. */
export function average(sum: string, count: number): string {
  const exact = new Big(sum);
  // Big divides with its own DP and RM settings; a constructor of our own keeps the global one as it is.
  const Exact = Big();
  Exact.DP = 4;
  Exact.RM = Big.roundHalfEven;
  return canonicalDecimal(new Exact(exact.toFixed()).div(count).toFixed());
}

/** `left - right`, which may be negative. */
export function subtract(left: string, right: string): string {
  return canonicalDecimal(new Big(left).minus(right));
}

/** -1, 0 or 1 by numeric value ("1.5" equals "1.50"). */
export function compareDecimal(left: string, right: string): number {
  return new Big(left).cmp(right);
}
