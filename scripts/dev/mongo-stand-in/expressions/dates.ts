import { Int32 } from "bson";
import { MongoError } from "../errors.ts";
import { type Doc, isDoc } from "../values/compare.ts";
import { isNum, toNumber } from "../values/numbers.ts";
import { typeName } from "../values/types.ts";
import type { Compile, Expression, Operator, Scope } from "./operator.ts";

const formats = new Map<string, Intl.DateTimeFormat>();
const MINUTE = 60_000;
const DAY = 86_400_000;

function formatFor(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        hourCycle: "h23",
        era: "short",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch {
      throw new MongoError(40485, `unrecognized time zone identifier: "${zone}"`);
    }
    formats.set(zone, format);
  }
  return format;
}

/** How far a zone's clocks are ahead of UTC at an instant. mingo takes today's offset for every instant. */
function offsetAt(instant: number, zone: string): number {
  if (zone === "UTC" || zone === "GMT" || zone === "Z") return 0;
  const fixed = /^([+-])(\d\d):?(\d\d)?$/.exec(zone);
  if (fixed) return (fixed[1] === "-" ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3] ?? 0)) * MINUTE;
  const parts = new Map(
    formatFor(zone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, value]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type));
  const year = parts.get("era") === "BC" ? 1 - of("year") : of("year");
  const local = new Date(0);
  local.setUTCFullYear(year, of("month") - 1, of("day"));
  local.setUTCHours(of("hour"), of("minute"), of("second"));
  return local.getTime() - Math.floor(instant / 1000) * 1000;
}

/** A date whose UTC fields are the zone's wall clock. */
function wallClock(date: Date, zone: string): Date {
  return new Date(date.getTime() + offsetAt(date.getTime(), zone));
}

function fromWallClock(local: number, zone: string): Date {
  const guess = local - offsetAt(local, zone);
  return new Date(local - offsetAt(guess, zone));
}

function isoWeek(local: Date): { year: number; week: number; day: number } {
  const day = local.getUTCDay() || 7;
  const thursday = new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() + 4 - day));
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7) + 1, day };
}

function dayOfYear(local: Date): number {
  return Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / DAY) + 1;
}

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

function offsetText(offset: number): string {
  const minutes = Math.abs(offset) / MINUTE;
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}${pad(minutes % 60)}`;
}

function format(date: Date, pattern: string, zone: string): string {
  const local = wallClock(date, zone);
  const parts: Record<string, () => string> = {
    Y: () => pad(local.getUTCFullYear(), 4),
    m: () => pad(local.getUTCMonth() + 1),
    d: () => pad(local.getUTCDate()),
    H: () => pad(local.getUTCHours()),
    M: () => pad(local.getUTCMinutes()),
    S: () => pad(local.getUTCSeconds()),
    L: () => pad(local.getUTCMilliseconds(), 3),
    j: () => pad(dayOfYear(local), 3),
    w: () => String(local.getUTCDay() + 1),
    u: () => String(isoWeek(local).day),
    G: () => pad(isoWeek(local).year, 4),
    V: () => pad(isoWeek(local).week),
    z: () => offsetText(offsetAt(date.getTime(), zone)),
    Z: () => String(offsetAt(date.getTime(), zone) / MINUTE),
    "%": () => "%",
  };
  return pattern.replaceAll(/%(.?)/g, (_, letter: string) => {
    const part = parts[letter];
    if (!part) throw new MongoError(18536, `Invalid format character '%${letter}' in format string`);
    return part();
  });
}

function asDate(value: unknown, name: string): Date {
  if (value instanceof Date) return value;
  throw new MongoError(16006, `can't convert from BSON type ${typeName(value)} to Date in ${name}`);
}

function named(
  argument: unknown,
  name: string,
  known: readonly string[],
  compile: Compile,
): Record<string, Expression | undefined> {
  if (!isDoc(argument)) throw new MongoError(18629, `${name} only supports an object as its argument`);
  const unknown = Object.keys(argument).find((key) => !known.includes(key));
  if (unknown) throw new MongoError(18534, `Unrecognized parameter to ${name}: ${unknown}`);
  return Object.fromEntries(Object.entries(argument as Doc).map(([key, value]) => [key, compile(value)]));
}

/** UTC when none is given; null when what is given is null. */
function zoneOf(zone: Expression | undefined, scope: Scope): string | null {
  const value = zone ? (zone(scope) ?? null) : "UTC";
  if (value !== null && typeof value !== "string") throw new MongoError(40517, "timezone must evaluate to a string");
  return value;
}

const dateToString: Operator = (argument, name, compile) => {
  const {
    date,
    format: pattern,
    timezone,
    onNull,
  } = named(argument, name, ["date", "format", "timezone", "onNull"], compile);
  return (scope) => {
    const [value, zone] = [date?.(scope) ?? null, zoneOf(timezone, scope)];
    if (value === null) return onNull ? onNull(scope) : null;
    if (zone === null) return null;
    return format(asDate(value, name), String(pattern?.(scope) ?? "%Y-%m-%dT%H:%M:%S.%LZ"), zone);
  };
};

const UNITS: Record<string, (local: Date) => number> = {
  year: (local) => Date.UTC(local.getUTCFullYear(), 0, 1),
  quarter: (local) => Date.UTC(local.getUTCFullYear(), Math.floor(local.getUTCMonth() / 3) * 3, 1),
  month: (local) => Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), 1),
  week: (local) => Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() - local.getUTCDay()),
  day: (local) => Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()),
  hour: (local) => Math.floor(local.getTime() / (60 * MINUTE)) * 60 * MINUTE,
  minute: (local) => Math.floor(local.getTime() / MINUTE) * MINUTE,
  second: (local) => Math.floor(local.getTime() / 1000) * 1000,
};

const dateTrunc: Operator = (argument, name, compile) => {
  const { date, unit, timezone } = named(argument, name, ["date", "unit", "timezone"], compile);
  return (scope) => {
    const [value, zone] = [date?.(scope) ?? null, zoneOf(timezone, scope)];
    if (value === null || zone === null) return null;
    const truncate = UNITS[String(unit?.(scope))];
    if (!truncate) throw new MongoError(9, `unknown time unit value: ${String(unit?.(scope))}`);
    return fromWallClock(truncate(wallClock(asDate(value, name), zone)), zone);
  };
};

function field(read: (local: Date) => number): Operator {
  return (argument, name, compile) => {
    const parts =
      isDoc(argument) && "date" in argument ? argument : { date: Array.isArray(argument) ? argument[0] : argument };
    const { date, timezone } = named(parts, name, ["date", "timezone"], compile);
    return (scope) => {
      const [value, zone] = [date?.(scope) ?? null, zoneOf(timezone, scope)];
      return value === null || zone === null ? null : new Int32(read(wallClock(asDate(value, name), zone)));
    };
  };
}

/** Operators on dates; zones are those of the IANA database, or offsets. */
export const dates: Record<string, Operator> = {
  $dateToString: dateToString,
  $dateTrunc: dateTrunc,
  $year: field((local) => local.getUTCFullYear()),
  $month: field((local) => local.getUTCMonth() + 1),
  $dayOfMonth: field((local) => local.getUTCDate()),
  $dayOfWeek: field((local) => local.getUTCDay() + 1),
  $dayOfYear: field(dayOfYear),
  $hour: field((local) => local.getUTCHours()),
  $minute: field((local) => local.getUTCMinutes()),
  $second: field((local) => local.getUTCSeconds()),
  $millisecond: field((local) => local.getUTCMilliseconds()),
  $toDate: (argument, name, compile) => {
    const one = compile(argument);
    return (scope) => {
      const value = one(scope) ?? null;
      if (value === null || value instanceof Date) return value;
      const date = new Date(isNum(value) ? toNumber(value) : String(value));
      if (Number.isNaN(date.getTime()))
        throw new MongoError(241, `Failed to convert ${typeName(value)} to date in ${name}`);
      return date;
    };
  },
};
