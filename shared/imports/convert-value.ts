/** One value of a source as a field of a collection takes it, or why not. Exact: nothing is rounded. */
import Big from "big.js";
import { BSON, Decimal128, Double, Int32, Long, ObjectId } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import type { FieldKind } from "../definition/fields.ts";
import { canonicalDecimal, decimalsIn } from "../values/money.ts";
import type { FieldRule } from "./rules.ts";

export interface ValueContext {
  decimalMark: "." | ",";
}

type Converted = Result<unknown, string>;
type RuleOf<K extends FieldRule["kind"]> = Extract<FieldRule, { kind: K }>;

/** An amount has up to 19 digits; and the digits of a text such as 1e999999999 no memory holds. */
const [MAX_CHARACTERS, MAX_EXPONENT] = [60, 40];
const ZERO = /^[-+]?0+(\.0+)?(e[-+]?\d+)?$/i;
const NUMBER = /^[-+]?\d+(\.\d+)?(e([-+]?\d+))?$/i;

const NO_COMMA = "has a point, and the decimal mark is a comma: say --decimal=. if it is not";

/** The decimal that a number is, in plain digits. */
function decimalText(value: unknown, mark: "." | ","): Result<string, string> {
  if (value instanceof Double || value instanceof Int32) return decimalText(value.valueOf(), mark);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return err(`${value} is no amount`);
    // a double holds no more digits than these: what it was before, nobody knows
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return err("has more digits than a number keeps exactly");
    return ok(new Big(String(value)).toFixed());
  }
  if (typeof value === "bigint" || value instanceof Long) return ok(value.toString());
  const text =
    value instanceof Decimal128 ? value.toString() : typeof value === "string" ? unmarked(value, mark) : undefined;
  if (text === undefined) return err(typeof value === "string" ? NO_COMMA : "is no number");
  const exponent = NUMBER.exec(text)?.[3] ?? "0";
  if (!NUMBER.test(text)) return err("is no number");
  if (ZERO.test(text)) return ok("0");
  if (text.length > MAX_CHARACTERS || Math.abs(Number(exponent)) > MAX_EXPONENT)
    return err("has more digits than any amount");
  return ok(new Big(text.replace(/^\+/, "")).toFixed());
}

/** Text with its mark as a point, and without what groups thousands: "12 50" is no 1250. */
function unmarked(written: string, mark: "." | ","): string | undefined {
  const trimmed = written.trim();
  const isSpaced = /^[-+]? ?\d{1,3}([\u00a0\u202f' ]\d{3})*([.,]\d*)?(e[-+]?\d+)?$/i.test(trimmed);
  const text = isSpaced ? trimmed.replaceAll(/[\u00a0\u202f' ]/g, "") : trimmed;
  const [group, grouped] =
    mark === "," ? [".", /^[-+]?\d{1,3}(\.\d{3})+(,\d+)?$/] : [",", /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/];
  const plain = (grouped as RegExp).test(text) ? text.replaceAll(group as string, "") : text;
  // "1.50" might be either where the mark is a comma
  if (mark === "," && plain.includes(".")) return undefined;
  return mark === "," ? plain.replace(",", ".") : plain;
}

export function toMoney(
  { scale, minor, sign }: RuleOf<"money">,
  value: unknown,
  { decimalMark }: ValueContext,
): Converted {
  const text = decimalText(value, decimalMark);
  if (text.isErr()) return err(text.error);
  const decimals = decimalsIn(text.value);
  if (minor && decimals > 0) return err("counts the smallest units, and is no whole number");
  if (!minor && decimals > scale)
    return err(`has ${decimals > 4 ? "more than 4" : decimals} decimals, and the scale is ${scale}`);
  const amount = new Big(minor ? `${text.value}e-${scale}` : text.value);
  const signed = sign === "turned" ? amount.times(-1) : sign === "dropped" ? amount.abs() : amount;
  return ok(canonicalDecimal(signed));
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** The calendar day that it was there then. */
function dayIn(zone: string, instant: Date): string {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "iso8601",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  return `${parts.year?.padStart(4, "0")}-${parts.month}-${parts.day}`;
}

const ORDER = {
  "YYYY-MM-DD": [0, 1, 2],
  "DD/MM/YYYY": [2, 1, 0],
  "MM/DD/YYYY": [2, 0, 1],
  "DD.MM.YYYY": [2, 1, 0],
} as const;

export function toDay({ zone, format }: RuleOf<"day">, value: unknown): Converted {
  if (typeof value === "string") {
    const parts = value.trim().split(format === "YYYY-MM-DD" ? "-" : (format[2] as string));
    if (parts.length === 3 && parts.every((part) => /^\d+$/.test(part))) {
      const [year, month, day] = ORDER[format].map((index) => parts[index] ?? "");
      return ok(`${year?.padStart(4, "0")}-${month?.padStart(2, "0")}-${day?.padStart(2, "0")}`);
    }
  }
  const instant = toDate(value);
  return instant ? ok(dayIn(zone, instant)) : err(`is neither an instant nor a day as ${format}`);
}

/** Of it, the day is one of year 1 in every zone. */
const FIRST = Date.parse("0001-01-02T00:00:00Z");

/** An instant of the years 1 to 9999, which both databases write alike: a date, or ISO 8601 with an offset. */
export function toDate(value: unknown): Date | undefined {
  const isWritten =
    typeof value === "string" && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(value.trim());
  const date = value instanceof Date ? value : isWritten ? new Date(value.trim().replace(" ", "T")) : undefined;
  if (!date || Number.isNaN(date.getTime())) return undefined;
  return date.getTime() >= FIRST && date.getUTCFullYear() <= 9999 ? date : undefined;
}

const NO_INSTANT = "is no instant: a date, or 2026-03-14T15:09:26Z, is one";

export function toInstant(value: unknown): Converted {
  const date = toDate(value);
  return date ? ok(date.toISOString()) : err(NO_INSTANT);
}

/** As the map says; what it has no word for is not guessed. */
export function toMapped({ map, otherwise }: RuleOf<"enum">, value: unknown): Converted {
  const key = typeof value === "object" ? plain(value) : value;
  if (Object.hasOwn(map, String(key))) return ok(map[String(key)]);
  return otherwise === undefined ? err(`is "${shown(value)}", which the map does not name`) : ok(otherwise);
}

/** What is taken as it is, where its type is the field's. */
export function toKind(kind: FieldKind, value: unknown): Converted {
  const given = plain(value);
  switch (kind) {
    case "boolean":
      if (typeof given === "boolean") return ok(given);
      if (/^(true|false)$/i.test(String(given))) return ok(String(given).toLowerCase() === "true");
      return err("is neither true nor false");
    case "integer":
      if (typeof given === "number" && Number.isSafeInteger(given)) return ok(given);
      return typeof given === "string" && /^-?\d{1,15}$/.test(given) ? ok(Number(given)) : err("is no whole number");
    case "tags": {
      const labels = Array.isArray(given) ? given : [given];
      return labels.every((label) => typeof label === "string") ? ok(labels) : err("is no list of texts");
    }
    case "json":
      return ok(JSON.parse(BSON.EJSON.stringify(given, { relaxed: true })));
    default:
      if (typeof given === "string") return ok(given);
      return typeof given === "number" && Number.isSafeInteger(given) ? ok(String(given)) : err("is no text");
  }
}

/** BSON's wrappers taken off, where nothing is lost by it. */
function plain(value: unknown): unknown {
  if (value instanceof Int32 || value instanceof Double) return value.valueOf();
  if (value instanceof Long) return Number.isSafeInteger(value.toNumber()) ? value.toNumber() : value.toString();
  if (value instanceof ObjectId) return value.toHexString();
  return value;
}

const escaped = (character: string) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;

/** A value for people's eyes, short; what a terminal would do and not show, as JSON writes it. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : BSON.EJSON.stringify({ v: value }, { relaxed: true }).slice(5, -1);
  const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return short.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, escaped);
}
