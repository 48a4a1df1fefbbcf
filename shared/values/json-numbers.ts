/**
 * Numbers of JSON, of which a double holds only some. One whose decimal value JavaScript prints again is a number here; any
 * other is the object that `JSON.rawJSON` makes of its text, which `JSON.stringify` prints as it is. Both are spelt as
 * JavaScript spells numbers, however many digits there are: `1`, `0.001`, `1e+400`, and zero has no sign.
 */
import Big from "big.js";

/** Made by `JSON.rawJSON` and by nothing else: an object of a body that looks like one is no number. */
export interface ExactNumber {
  readonly rawJSON: string;
}

/** What TypeScript's own types do not have yet. */
interface SourceTextAccess {
  rawJSON(text: string): ExactNumber;
  isRawJSON(value: unknown): value is ExactNumber;
}
const { rawJSON, isRawJSON } = JSON as unknown as SourceTextAccess;

export { isRawJSON };

/** The number that a text of JSON's grammar stands for. */
export function exactNumber(source: string): number | ExactNumber {
  const nearest = Number(source);
  // a double holds any 15 digits, and making an exact number to see that takes ten times as long; without its sign for zero
  if (source.length <= MAX_SURE && !/e/i.test(source)) return nearest + 0;
  const printed = String(nearest);
  if (printed === source) return nearest;
  const text = canonical(source);
  return printed === text ? nearest + 0 : rawJSON(text);
}

const MAX_SURE = 15;
/** Beyond them no database reaches; such a number is refused, and big.js would print its exponent as no JSON. */
const MAX_EXPONENT = 100_000;

function canonical(source: string): string {
  const exact = new Big(source);
  return Math.abs(exact.e) > MAX_EXPONENT ? source : exact.toString();
}

/** What MongoDB's Decimal128 holds exactly. Postgres holds more: the same is refused for both. */
export const MAX_DIGITS = 34;
export const LARGEST_EXPONENT = 6_144;
export const SMALLEST_EXPONENT = -6_176;

/** Whether both databases keep it exactly; any double they do. */
export function fitsDatabases(number: number | ExactNumber): boolean {
  if (typeof number === "number") return Number.isFinite(number);
  const { c: digits, e: first } = new Big(number.rawJSON);
  return digits.length <= MAX_DIGITS && first <= LARGEST_EXPONENT && first - (digits.length - 1) >= SMALLEST_EXPONENT;
}

export const NUMBERS_THAT_FIT = `Numbers may have ${MAX_DIGITS} digits, up to 9.99e+${LARGEST_EXPONENT} and down to 1e${SMALLEST_EXPONENT}`;

/** The characters of a number that is written without an exponent, as Postgres writes all of them. */
export function plainLength(number: number | ExactNumber): number {
  const text = typeof number === "number" ? String(number) : number.rawJSON;
  if (!text.includes("e")) return text.length;
  const { c: digits, e: first, s: sign } = new Big(text);
  const whole = Math.max(first + 1, 1);
  const decimals = Math.max(digits.length - 1 - first, 0);
  return (sign < 0 ? 1 : 0) + whole + (decimals > 0 ? 1 + decimals : 0);
}
