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
  if (text === undefined) return err("is no number");
  return /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text)
    ? ok(new Big(text.replace(/^\+/, "")).toFixed())
    : err("is no number");
}

/** Text with its mark as a point, and without what groups thousands. */
function unmarked(written: string, mark: "." | ","): string {
  const text = written.trim().replaceAll(/[\u00a0\u202f' ]/g, "");
  const [group, grouped] =
    mark === "," ? [".", /^[-+]?\d{1,3}(\.\d{3})+(,\d+)?$/] : [",", /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/];
  const plain = (grouped as RegExp).test(text) ? text.replaceAll(group as string, "") : text;
  // a point where the mark is a comma is no number: "1.50" might be either
  return mark === "," ? (plain.includes(".") ? written : plain.replace(",", ".")) : plain;
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

/** An instant: a date, or ISO 8601 with an offset. */
export function toDate(value: unknown): Date | undefined {
  const isWritten =
    typeof value === "string" && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(value.trim());
  const date = value instanceof Date ? value : isWritten ? new Date(value.trim().replace(" ", "T")) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

export function toInstant(value: unknown): Converted {
  const date = toDate(value);
  return date ? ok(date.toISOString()) : err("is no instant: a date, or 2026-03-14T15:09:26Z, is one");
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

/** A value for people's eyes, short. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : BSON.EJSON.stringify({ v: value }, { relaxed: true }).slice(5, -1);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
