/**
 * Money and other decimals: strings of up to 15 digits before the point and 4 behind it, exact everywhere.
 * Postgres keeps them as `numeric(19,4)`, MongoDB as Decimal128; neither may round, so all rounding is done here.
 */
import Big from "big.js";

export const DECIMAL_PATTERN = /^(?:0|[1-9]\d{0,14})(?:\.\d{1,4})?$/;
export const SIGNED_DECIMAL_PATTERN = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,4})?$/;

/**
 * The one spelling of a decimal: trailing zeros cut ("1.5000" -> "1.50") down to so many digits behind the point, and filled
 * up to them. What has more keeps them: nothing is rounded by being shown. Zero has no sign.
 */
export function canonicalDecimal(value: string | Big, decimals = 2): string {
  const exact = new Big(value);
  const [whole = "0", fraction = ""] = (exact.eq(0) ? "0" : exact.toFixed()).split(".");
  const digits = fraction.replace(/0+$/, "").padEnd(decimals, "0");
  return digits === "" ? whole : `${whole}.${digits}`;
}

/** How many decimals a decimal of any spelling needs: 1 for "1.50", 0 for "1.00". */
export const decimalsIn = (value: string): number => (/\.(\d*?)0*$/.exec(value)?.[1] ?? "").length;

/**
 * `sum / count` to 4 decimals, half even: the engines round averages differently, so they only give sums. To 4 in every
 * currency, because a mean is nothing that anybody pays; shown with as many as an amount has, or more.
 */
export function average(sum: string, count: number, decimals?: number): string {
  const exact = new Big(sum);
  // Big divides with its own DP and RM settings; a constructor of our own keeps the global one as it is.
  const Exact = Big();
  Exact.DP = 4;
  Exact.RM = Big.roundHalfEven;
  return canonicalDecimal(new Exact(exact.toFixed()).div(count).toFixed(), decimals);
}

/** `left - right`, which may be negative. */
export function subtract(left: string, right: string, decimals?: number): string {
  return canonicalDecimal(new Big(left).minus(right), decimals);
}

/** -1, 0 or 1 by numeric value ("1.5" equals "1.50"). */
export function compareDecimal(left: string, right: string): number {
  return new Big(left).cmp(right);
}
