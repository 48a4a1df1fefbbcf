/**
 * BSON's values from Postgres's texts and back, for the values that nearly all records have: the library's own ways, to which
 * all others go, cost a backup more than everything else that it does (half of its time: bench p).
 */
import { Decimal128, Long, UUID } from "mongodb";
import { canonicalDecimal } from "../values/money.ts";

const TWO_32 = 2 ** 32;
const BIAS = 6_176;
/** Digits of a whole number that a double holds for certain. */
const SAFE_DIGITS = 15;

/** Of a whole number in decimal digits. */
export function longOf(text: string): Long {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || !/^\d+$/.test(text)) return Long.fromString(text);
  return Long.fromBits((value % TWO_32) | 0, Math.floor(value / TWO_32) | 0);
}

/** In the one spelling of a decimal (`canonicalDecimal`). */
export function decimal128Of(text: string): Decimal128 {
  const [, sign, whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  let end = fraction.length;
  while (end > 2 && fraction.charCodeAt(end - 1) === 48) end--;
  const digits = whole + fraction.slice(0, end).padEnd(2, "0");
  const coefficient = Number(digits);
  if (whole === "" || digits.length > SAFE_DIGITS || (sign === "-" && coefficient === 0))
    return Decimal128.fromString(canonicalDecimal(text));
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(coefficient % TWO_32, 0);
  bytes.writeUInt32LE(Math.floor(coefficient / TWO_32), 4);
  // sign, 14 bits of exponent, and 49 of a coefficient that is not so large
  const exponent = BIAS - Math.max(end, 2);
  bytes.writeUInt16LE((sign === "-" ? 0x8000 : 0) | (exponent << 1), 14);
  return new Decimal128(bytes);
}

/** As `toString` has it. */
export function textOfDecimal128(value: Decimal128): string {
  const bytes = value.bytes as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const top = view.getUint16(14, true);
  const high = view.getUint32(4, true);
  const exponent = ((top & 0x7fff) >> 1) - BIAS;
  const isSmall = (top & 1) === 0 && view.getUint32(8, true) === 0 && view.getUint16(12, true) === 0 && high < 2 ** 20;
  if (!isSmall || exponent > 0 || exponent < -6) return value.toString();
  const digits = String(high * TWO_32 + view.getUint32(0, true)).padStart(1 - exponent, "0");
  const point = digits.length + exponent;
  const sign = top & 0x8000 ? "-" : "";
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

export const uuidOf = (text: string): UUID => new UUID(Buffer.from(text.replaceAll("-", ""), "hex"));

/** Of an instant as Postgres writes it in UTC. */
export function dateOf(text: string): Date {
  // the engine reads ISO's own spelling many times faster
  if (text.length >= 22 && text.endsWith("+00") && text[10] === " ")
    return new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
  return new Date(text);
}
