import { Decimal128, Double, Int32, Long } from "bson";

/** BSON's four numeric types. They stay what they are, so that 64-bit integers and decimals are exact. */
export type Num = Int32 | Long | Double | Decimal128;
/** coefficient * 10^exponent */
export type Decimal = { coefficient: bigint; exponent: number };

const RANK: Record<string, number> = { Int32: 1, Long: 2, Double: 3, Decimal128: 4 };
const DIGITS = 34;

export function isNum(value: unknown): value is Num {
  return rank(value) > 0;
}

function rank(value: unknown): number {
  const type = (value as { _bsontype?: string } | null | undefined)?._bsontype;
  return type === undefined ? 0 : (RANK[type] ?? 0);
}

/** The nearest double. */
export function toNumber(value: Num): number {
  if (value._bsontype === "Int32" || value._bsontype === "Double") return value.value;
  return value._bsontype === "Long" ? value.toNumber() : Number(value.toString());
}

const MANTISSA = 2n ** 52n;
const view = new DataView(new ArrayBuffer(8));

function exactDouble(value: number): Decimal {
  if (Number.isSafeInteger(value)) return { coefficient: BigInt(value), exponent: 0 };
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const raw = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & (MANTISSA - 1n);
  const mantissa = (raw === 0 ? fraction : fraction + MANTISSA) * (value < 0 ? -1n : 1n);
  const power = (raw === 0 ? 1 : raw) - 1075;
  if (power >= 0) return { coefficient: mantissa * 2n ** BigInt(power), exponent: 0 };
  return { coefficient: mantissa * 5n ** BigInt(-power), exponent: power };
}

function parse(text: string): Decimal {
  const [digits = "0", exponent = "0"] = text.toUpperCase().split("E");
  const [whole = "0", fraction = ""] = digits.split(".");
  return { coefficient: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** The exact value, or nothing for NaN and the infinities. */
export function toDecimal(value: Num): Decimal | undefined {
  if (value._bsontype === "Int32") return { coefficient: BigInt(value.value), exponent: 0 };
  if (value._bsontype === "Long") return { coefficient: value.toBigInt(), exponent: 0 };
  if (!Number.isFinite(toNumber(value)) && !/\d/.test(value.toString())) return undefined;
  return value._bsontype === "Double" ? exactDouble(value.value) : parse(value.toString());
}

/** As mongod turns a double into a decimal when it calculates: 15 digits. */
function forArithmetic(value: Num): Decimal | undefined {
  if (value._bsontype === "Double" && Number.isFinite(value.value)) {
    return Number.isInteger(value.value) ? exactDouble(value.value) : parse(value.value.toPrecision(15));
  }
  return toDecimal(value);
}

function power(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

function divideHalfEven(numerator: bigint, divisor: bigint): bigint {
  const quotient = numerator / divisor;
  const twice = abs(numerator % divisor) * 2n;
  const size = abs(divisor);
  const up = twice > size || (twice === size && quotient % 2n !== 0n);
  return up ? quotient + (numerator < 0n !== divisor < 0n ? -1n : 1n) : quotient;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Rounds half to even at 34 digits, as IEEE 754 does. */
export function toDecimal128({ coefficient, exponent }: Decimal): Decimal128 {
  const excess = abs(coefficient).toString().length - DIGITS;
  if (excess > 0) {
    return toDecimal128({ coefficient: divideHalfEven(coefficient, power(excess)), exponent: exponent + excess });
  }
  return Decimal128.fromString(`${coefficient}E${exponent}`);
}

function sized(value: bigint, atLeast: number): Num {
  if (atLeast < 2 && value >= -(2n ** 31n) && value < 2n ** 31n) return new Int32(Number(value));
  if (value >= -(2n ** 63n) && value < 2n ** 63n) return Long.fromBigInt(value);
  return new Double(Number(value));
}

type Operation = {
  number: (a: number, b: number) => number;
  integer?: (a: bigint, b: bigint) => bigint;
  decimal: (a: Decimal, b: Decimal) => Decimal | undefined;
};

function calculate(a: Num, b: Num, operation: Operation): Num {
  const type = Math.max(rank(a), rank(b));
  if (type === 4) {
    const [left, right] = [forArithmetic(a), forArithmetic(b)];
    const result = left && right && operation.decimal(left, right);
    return result ? toDecimal128(result) : Decimal128.fromString(`${operation.number(toNumber(a), toNumber(b))}`);
  }
  if (type < 3 && operation.integer) {
    return sized(operation.integer(BigInt(a.toString()), BigInt(b.toString())), type);
  }
  return new Double(operation.number(toNumber(a), toNumber(b)));
}

function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [a.coefficient * power(a.exponent - exponent), b.coefficient * power(b.exponent - exponent), exponent];
}

function decimalQuotient(a: Decimal, b: Decimal): Decimal | undefined {
  if (b.coefficient === 0n) return undefined;
  const shift = DIGITS + 2 + Math.max(0, abs(b.coefficient).toString().length - abs(a.coefficient).toString().length);
  const ideal = a.exponent - b.exponent;
  const scaled = a.coefficient * power(shift);
  const exact = scaled % b.coefficient === 0n;
  // A sticky digit keeps a cut-off remainder from looking like a tie when 34 digits are rounded.
  let coefficient = exact
    ? scaled / b.coefficient
    : (scaled / b.coefficient) * 10n + (a.coefficient < 0n !== b.coefficient < 0n ? -1n : 1n);
  let exponent = ideal - shift - (exact ? 0 : 1);
  while (exact && exponent < ideal && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent += 1;
  }
  return { coefficient, exponent };
}

const ADD: Operation = {
  number: (a, b) => a + b,
  integer: (a, b) => a + b,
  decimal: (a, b) => {
    const [left, right, exponent] = aligned(a, b);
    return { coefficient: left + right, exponent };
  },
};
const SUBTRACT: Operation = {
  number: (a, b) => a - b,
  integer: (a, b) => a - b,
  decimal: (a, b) => ADD.decimal(a, { coefficient: -b.coefficient, exponent: b.exponent }),
};
const MULTIPLY: Operation = {
  number: (a, b) => a * b,
  integer: (a, b) => a * b,
  decimal: (a, b) => ({ coefficient: a.coefficient * b.coefficient, exponent: a.exponent + b.exponent }),
};
const DIVIDE: Operation = { number: (a, b) => a / b, decimal: decimalQuotient };
const REMAINDER: Operation = {
  number: (a, b) => a % b,
  integer: (a, b) => a % b,
  decimal: (a, b) => {
    const [left, right, exponent] = aligned(a, b);
    return right === 0n ? undefined : { coefficient: left % right, exponent };
  },
};

export const add = (a: Num, b: Num): Num => calculate(a, b, ADD);
export const subtract = (a: Num, b: Num): Num => calculate(a, b, SUBTRACT);
export const multiply = (a: Num, b: Num): Num => calculate(a, b, MULTIPLY);
export const divide = (a: Num, b: Num): Num => calculate(a, b, DIVIDE);
export const remainder = (a: Num, b: Num): Num => calculate(a, b, REMAINDER);

/** Compares values, whatever their types; NaN comes before every other number. */
export function compareNumbers(a: Num, b: Num): number {
  const [left, right] = [toNumber(a), toNumber(b)];
  // Doubles that differ this clearly need no exact arithmetic.
  if (Number.isFinite(left) && Number.isFinite(right)) {
    if ((rank(a) | 2) === 3 && (rank(b) | 2) === 3) return Math.sign(left - right);
    const gap = Math.max(Math.abs(left), Math.abs(right)) * 1e-15;
    if (Math.abs(left - right) > gap) return left < right ? -1 : 1;
  }
  const [x, y] = [toDecimal(a), toDecimal(b)];
  if (x && y) {
    const [l, r] = aligned(x, y);
    return l < r ? -1 : l > r ? 1 : 0;
  }
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The same text for equal numbers of any type. */
export function numberKey(value: Num): string {
  if (value._bsontype === "Int32") return `${value.value}`;
  const exact = toDecimal(value);
  if (!exact) return `${toNumber(value)}`;
  let { coefficient, exponent } = exact;
  if (coefficient === 0n) return "0";
  while (exponent < 0 && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent += 1;
  }
  if (exponent >= 0 && exponent < 400) return `${coefficient * power(exponent)}`;
  while (coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent += 1;
  }
  return `${coefficient}e${exponent}`;
}

/** An integer as the server would return it from a count or a length. */
export function integer(value: number): Num {
  return Number.isInteger(value) ? sized(BigInt(value), 1) : new Double(value);
}

/** Towards zero, as $toLong does; nothing for what is no number. */
export function truncated(value: Num): bigint | undefined {
  const exact = toDecimal(value);
  if (!exact) return undefined;
  return exact.exponent >= 0 ? exact.coefficient * power(exact.exponent) : exact.coefficient / power(-exact.exponent);
}
