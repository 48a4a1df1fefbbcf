import type { Binary, BSONRegExp, ObjectId, Timestamp } from "bson";
import { compareNumbers, isNum, type Num, numberKey } from "./numbers.ts";

export type Doc = Record<string, unknown>;

const ORDER: Record<string, number> = {
  MinKey: 0,
  Int32: 10,
  Long: 10,
  Double: 10,
  Decimal128: 10,
  BSONSymbol: 15,
  Binary: 30,
  ObjectId: 35,
  Timestamp: 47,
  BSONRegExp: 50,
  DBRef: 55,
  Code: 60,
  MaxKey: 127,
};

/** The place of a value's type in BSON's order. A missing value (undefined) comes before null. */
export function typeOrder(value: unknown): number {
  if (value === undefined) return 3;
  if (value === null) return 5;
  if (typeof value === "string") return 15;
  if (typeof value === "boolean") return 40;
  if (Array.isArray(value)) return 25;
  if (value instanceof Date) return 45;
  if (value instanceof RegExp) return 50;
  const type = (value as { _bsontype?: string })._bsontype;
  return type === undefined ? 20 : (ORDER[type] ?? 60);
}

export function isDoc(value: unknown): value is Doc {
  return typeof value === "object" && value !== null && typeOrder(value) === 20;
}

// UTF-16 units put astral characters before U+E000..U+FFFF; UTF-8 bytes, and so the server, put them after.
function unitOrder(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}

function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return unitOrder(x) < unitOrder(y) ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

function bytes(value: Binary): Buffer {
  return Buffer.from(value.buffer.subarray(0, value.position));
}

function compareDocs(a: Doc, b: Doc): number {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [[leftName, leftValue], [rightName, rightValue]] = [left[i] ?? ["", null], right[i] ?? ["", null]];
    const order =
      typeOrder(leftValue) - typeOrder(rightValue) ||
      compareStrings(leftName, rightName) ||
      compare(leftValue, rightValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** BSON's total order. */
export function compare(a: unknown, b: unknown): number {
  const type = typeOrder(a);
  const difference = type - typeOrder(b);
  if (difference !== 0) return Math.sign(difference);
  switch (type) {
    case 10:
      return compareNumbers(a as Num, b as Num);
    case 15:
      return compareStrings(String(a), String(b));
    case 20:
      return compareDocs(a as Doc, b as Doc);
    case 25: {
      const [left, right] = [a as unknown[], b as unknown[]];
      for (let i = 0; i < left.length && i < right.length; i++) {
        const order = compare(left[i], right[i]);
        if (order !== 0) return order;
      }
      return left.length - right.length;
    }
    case 30: {
      const [left, right] = [a as Binary, b as Binary];
      return (
        left.position - right.position || left.sub_type - right.sub_type || Buffer.compare(bytes(left), bytes(right))
      );
    }
    case 35:
      return compareStrings((a as ObjectId).toHexString(), (b as ObjectId).toHexString());
    case 40:
    case 45:
      return Math.sign(Number(a) - Number(b));
    case 47:
      return (a as Timestamp).compare(b as Timestamp);
    case 50:
      return compareStrings(regexText(a), regexText(b));
    default:
      return type === 0 || type === 127 || type <= 5 ? 0 : compareStrings(JSON.stringify(a), JSON.stringify(b));
  }
}

export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b) === 0;
}

function regexText(value: unknown): string {
  if (value instanceof RegExp) return `${value.source}/${value.flags}`;
  const { pattern, options } = value as BSONRegExp;
  return `${pattern}/${options}`;
}

/** The same text for values that are equal in BSON's sense: what the maps of the indexes are keyed by. */
export function keyOf(value: unknown): string {
  if (value === undefined || value === null) return "~";
  if (typeof value === "string") return JSON.stringify(value);
  if (isNum(value)) return `#${numberKey(value)}`;
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  if (value instanceof Date) return `@${value.getTime()}`;
  const type = (value as { _bsontype?: string })._bsontype;
  if (type === "Binary") return `x${(value as Binary).sub_type}:${bytes(value as Binary).toString("hex")}`;
  if (type === "ObjectId") return `o${(value as ObjectId).toHexString()}`;
  if (isDoc(value)) {
    return `{${Object.entries(value)
      .map(([name, inner]) => `${JSON.stringify(name)}:${keyOf(inner)}`)
      .join()}}`;
  }
  return `${typeOrder(value)}:${typeof value === "boolean" ? value : type === "BSONRegExp" ? regexText(value) : JSON.stringify(value)}`;
}
