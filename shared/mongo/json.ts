/**
 * JSON as MongoDB keeps it: objects and lists as such, whole numbers as int or long, others as double, and as Decimal128 what
 * none of these holds. So every number is exact, and a number to whoever looks at it there.
 *
 * Keys are escaped where a server or a driver reads something into them: percent-encoded are `$` at the beginning, every
 * point and percent sign, and the first letter of a name that every object of JavaScript has; a lone percent sign stands for
 * the empty key. Servers differ on which of these they take, and have rules of their own for `$ref`, `$id` and `$db`; the
 * driver makes a DBRef of an object with the first two, of which it cannot be said any more what it was, and gives what is
 * called `constructor` or `toString` as bytes (seen, 7.8).
 */
import { Decimal128, Long } from "mongodb";
import { type Json, type JsonValue, ordered } from "../values/json.ts";
import { type ExactNumber, exactNumber, isRawJSON } from "../values/json-numbers.ts";

/** The stored form of a value. */
export function toStoredJson(value: JsonValue): unknown {
  if (typeof value === "number" || isRawJSON(value)) return storedNumber(value);
  if (Array.isArray(value)) return value.map(toStoredJson);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storedKey(key), toStoredJson(inner)]));
}

/** The value of a stored form. */
export function fromStoredJson(stored: unknown): JsonValue {
  if (typeof stored === "number") return stored + 0;
  // a long that a double holds comes as a number
  if (stored instanceof Long || stored instanceof Decimal128) return exactNumber(stored.toString());
  if (Array.isArray(stored)) return stored.map(fromStoredJson);
  if (typeof stored !== "object" || stored === null) return stored as Json;
  return ordered(Object.entries(stored).map(([key, inner]) => [keyOf(key), fromStoredJson(inner)] as const));
}

const [MIN_INT, MAX_INT] = [-(2 ** 31), 2 ** 31 - 1];
const [MIN_LONG, MAX_LONG] = [-(2n ** 63n), 2n ** 63n - 1n];

function storedNumber(value: number | ExactNumber): unknown {
  // the text, not the double nearest to it: 1152921504606847000 is printed for 1152921504606846976, too
  const text = typeof value === "number" ? String(value) : value.rawJSON;
  if (/^-?\d+$/.test(text)) {
    const whole = BigInt(text);
    if (MIN_INT <= whole && whole <= MAX_INT) return Number(whole);
    if (MIN_LONG <= whole && whole <= MAX_LONG) return Long.fromString(text);
  }
  // the driver makes a double of it
  return typeof value === "number" ? value : Decimal128.fromString(text);
}

/** Names that the driver finds in any object, or looks for. */
const isTaken = (key: string): boolean => key in Object.prototype || key === "_bsontype";

function storedKey(key: string): string {
  if (key === "") return "%";
  const escaped = key.replace(/[%.]|^\$/g, percent);
  return isTaken(escaped) ? percent(escaped.charAt(0)) + escaped.slice(1) : escaped;
}

const keyOf = (stored: string): string =>
  stored === "%" ? "" : stored.replace(/%([0-9A-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
