import { type Decimal128, Double, Int32, type Long, Long as LongType } from "bson";
import { MongoError } from "../errors.ts";
import { compare, equal, keyOf } from "../values/compare.ts";
import {
  add,
  divide,
  isNum,
  multiply,
  type Num,
  remainder,
  subtract,
  toDecimal,
  toDecimal128,
  toNumber,
  truncated,
} from "../values/numbers.ts";
import { typeName } from "../values/types.ts";
import { type Compile, compileList, type Operator } from "./operator.ts";

const isNull = (value: unknown): boolean => value === null || value === undefined;

function number(value: unknown, name: string): Num {
  if (isNum(value)) return value;
  throw new MongoError(14, `${name} only supports numeric types, not ${typeName(value)}`);
}

function comparison(accepts: (order: number) => unknown): Operator {
  return (argument, name, compile) => {
    const [left, right] = compileList(argument, name, compile, 2, 2);
    return (scope) => accepts(compare(left?.(scope), right?.(scope)));
  };
}

/** Null when an argument is null or missing. */
function numeric(count: number, calculate: (values: readonly unknown[], name: string) => unknown): Operator {
  return (argument, name, compile) => {
    const all = count === 0 ? compileList(argument, name, compile) : compileList(argument, name, compile, count, count);
    return (scope) => {
      const values = all.map((one) => one(scope));
      return values.some(isNull) ? null : calculate(values, name);
    };
  };
}

function sumWithDates(values: readonly unknown[], name: string): unknown {
  const date = values.find((value) => value instanceof Date);
  const total = values
    .filter((value) => value !== date)
    .reduce<Num>((sum, value) => add(sum, number(value, name)), new Int32(0));
  return date instanceof Date ? new Date(date.getTime() + toNumber(total)) : total;
}

function difference([left, right]: readonly unknown[], name: string): unknown {
  if (!(left instanceof Date)) return subtract(number(left, name), number(right, name));
  if (right instanceof Date) return LongType.fromNumber(left.getTime() - right.getTime());
  return new Date(left.getTime() - toNumber(number(right, name)));
}

function nonZero(value: unknown, name: string, code: number): Num {
  const divisor = number(value, name);
  if (toNumber(divisor) === 0) throw new MongoError(code, `can't ${name} by zero`);
  return divisor;
}

function extreme(sign: number): Operator {
  return (argument, name, compile) => {
    const all = compileList(argument, name, compile);
    return (scope) => {
      const found = all.map((one) => one(scope));
      const values = all.length === 1 && Array.isArray(found[0]) ? (found[0] as unknown[]) : found;
      return (
        values
          .filter((value) => !isNull(value))
          .reduce((best, value) => (best === undefined || compare(value, best) * sign > 0 ? value : best), undefined) ??
        null
      );
    };
  };
}

function total(argument: unknown, name: string, compile: Compile): ReturnType<Operator> {
  const all = compileList(argument, name, compile);
  return (scope) => {
    const found = all.map((one) => one(scope));
    const values = all.length === 1 && Array.isArray(found[0]) ? (found[0] as unknown[]) : found;
    return values.filter(isNum).reduce<Num>(add, new Int32(0));
  };
}

function conversion(value: unknown, name: string, low: bigint, high: bigint): bigint {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (value instanceof Date && name === "$toLong") return BigInt(value.getTime());
  const found = isNum(value)
    ? truncated(value)
    : typeof value === "string" && /^[+-]?\d+$/.test(value)
      ? BigInt(value)
      : undefined;
  if (found === undefined)
    throw new MongoError(241, `Failed to convert ${typeName(value)} in ${name} with no onError value`);
  if (found < low || found > high)
    throw new MongoError(241, `Conversion would overflow target type in ${name} with no onError value`);
  return found;
}

function decimal(value: unknown, name: string): Decimal128 {
  const found = isNum(value) ? value : typeof value === "boolean" ? new Int32(Number(value)) : undefined;
  if (found) {
    if (found._bsontype === "Decimal128") return found;
    const known = toDecimal(found);
    if (known) return add(found, toDecimal128({ coefficient: 0n, exponent: 0 })) as Decimal128;
  }
  if (typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) return parseDecimal(value);
  throw new MongoError(241, `Failed to convert ${typeName(value)} to decimal in ${name} with no onError value`);
}

function parseDecimal(value: string): Decimal128 {
  const [digits = "0", exponent = "0"] = value.toLowerCase().split("e");
  const [whole = "", fraction = ""] = digits.split(".");
  return toDecimal128({
    coefficient: BigInt((whole + fraction).replace("+", "")),
    exponent: Number(exponent) - fraction.length,
  });
}

const LONG = 2n ** 63n;

/** Operators that compare or calculate. */
export const exact: Record<string, Operator> = {
  $eq: comparison((order) => order === 0),
  $ne: comparison((order) => order !== 0),
  $gt: comparison((order) => order > 0),
  $gte: comparison((order) => order >= 0),
  $lt: comparison((order) => order < 0),
  $lte: comparison((order) => order <= 0),
  $cmp: comparison((order) => new Int32(Math.sign(order))),
  $in: (argument, name, compile) => {
    const [value, list] = compileList(argument, name, compile, 2, 2);
    return (scope) => {
      const [wanted, all] = [value?.(scope), list?.(scope)];
      if (!Array.isArray(all))
        throw new MongoError(40081, `$in requires an array as a second argument, found: ${typeName(all)}`);
      return all.some((one) => equal(one, wanted));
    };
  },
  $add: numeric(0, sumWithDates),
  $subtract: numeric(2, difference),
  $multiply: numeric(0, (values, name) =>
    values.map((value) => number(value, name)).reduce(multiply, new Int32(1) as Num),
  ),
  $divide: numeric(2, ([a, b], name) => divide(number(a, name), nonZero(b, name, 2))),
  $mod: numeric(2, ([a, b], name) => remainder(number(a, name), nonZero(b, name, 16610))),
  $abs: numeric(1, ([a], name) => (toNumber(number(a, name)) < 0 ? subtract(new Int32(0), number(a, name)) : a)),
  $max: extreme(1),
  $min: extreme(-1),
  $sum: total,
  $toLong: numeric(1, ([a], name) => LongType.fromBigInt(conversion(a, name, -LONG, LONG - 1n)) as Long),
  $toInt: numeric(1, ([a], name) => new Int32(Number(conversion(a, name, -(2n ** 31n), 2n ** 31n - 1n)))),
  $toDouble: numeric(1, ([a], name) => new Double(toNumber(number(a, name)))),
  $toDecimal: numeric(1, ([a], name) => decimal(a, name)),
  $setUnion: (argument, name, compile) => {
    const all = compileList(argument, name, compile);
    return (scope) => {
      const lists = all.map((one) => one(scope));
      if (lists.some(isNull)) return null;
      return [...new Map(lists.flatMap((list) => list as unknown[]).map((value) => [keyOf(value), value])).values()];
    };
  },
};
