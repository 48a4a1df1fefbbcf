/**
 * The ids of what comes from elsewhere, as ids here. One that is an ObjectId becomes a UUID of version 8 (RFC 9562, section
 * 5.8), from which it can be read again:
 *
 *   bytes  0-5    the first half of the ObjectId; it begins with the time, so that ids keep their order
 *   byte   6      0x80: version 8
 *   byte   7      0xB1
 *   byte   8      0x80 + part: the variant, and which of up to 64 records were made of one document
 *   byte   9      0x1D
 *   bytes 10-15   the second half of the ObjectId
 *
 * A UUID stays what it is, unless it is a further part. What is neither (a number, a name) is hashed with the collection that it
 * is of: the same every time, but with no way back, and marked by byte 7, 0xB2.
 */
import { createHash } from "node:crypto";
import { Binary, Decimal128, Double, Int32, Long, ObjectId } from "mongodb";

export const MAX_PART = 63;

const [VERSION, OBJECT_ID, HASHED, VARIANT, MARK] = [0x80, 0xb1, 0xb2, 0x80, 0x1d];
const OBJECT_ID_TEXT = /^[0-9a-f]{24}$/i;
const UUID_TEXT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * One text for every way in which the same id is written: an ObjectId and its 24 digits, a UUID and its text, a number of any
 * type and its digits. Undefined for what is no id.
 */
export function keyOf(value: unknown): string | undefined {
  if (typeof value === "string") {
    const text = value.trim();
    return text === "" ? undefined : OBJECT_ID_TEXT.test(text) || UUID_TEXT.test(text) ? text.toLowerCase() : text;
  }
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value === "bigint") return String(value);
  if (value instanceof ObjectId) return value.toHexString();
  if (value instanceof Long || value instanceof Int32) return value.toString();
  if (value instanceof Double) return keyOf(value.valueOf());
  if (value instanceof Decimal128) return /^-?\d+$/.test(value.toString()) ? value.toString() : undefined;
  if (value instanceof Binary && value.sub_type === Binary.SUBTYPE_UUID) return value.toUUID().toString();
  return undefined;
}

/** Every value that has that key, for whoever asks a database for them. */
export function valuesOf(key: string): unknown[] {
  const values: unknown[] = [key];
  if (OBJECT_ID_TEXT.test(key)) values.push(new ObjectId(key));
  if (UUID_TEXT.test(key)) values.push(Binary.createFromHexString(key.replaceAll("-", ""), Binary.SUBTYPE_UUID));
  if (/^-?(0|[1-9]\d{0,18})$/.test(key)) {
    if (Number.isSafeInteger(Number(key))) values.push(Number(key));
    else values.push(Long.fromString(key));
  }
  return values;
}

/** The id here of what has that key in that collection there. */
export function uuidOf(from: string, key: string, part = 0): string {
  if (OBJECT_ID_TEXT.test(key)) {
    const hex = key.toLowerCase();
    const middle = [VERSION, OBJECT_ID, VARIANT + part, MARK]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    return dashed(hex.slice(0, 12) + middle + hex.slice(12));
  }
  if (UUID_TEXT.test(key) && part === 0) return key;
  const bytes = createHash("sha256")
    .update(JSON.stringify([from, key, part]))
    .digest()
    .subarray(0, 16);
  bytes[6] = VERSION;
  bytes[7] = HASHED;
  bytes[8] = VARIANT + ((bytes[8] ?? 0) & 0x3f);
  return dashed(bytes.toString("hex"));
}

/** The ObjectId that an id here was made of; undefined for one that was not. */
export function objectIdOf(id: string): { objectId: string; part: number } | undefined {
  if (!UUID_TEXT.test(id)) return undefined;
  const hex = id.replaceAll("-", "").toLowerCase();
  const byte = (index: number) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  if (byte(6) !== VERSION || byte(7) !== OBJECT_ID || byte(8) >> 6 !== 0b10 || byte(9) !== MARK) return undefined;
  return { objectId: hex.slice(0, 12) + hex.slice(20), part: byte(8) & 0x3f };
}

/** When an ObjectId was made, to the second. */
export const timeOf = (value: unknown): string | undefined =>
  value instanceof ObjectId ? value.getTimestamp().toISOString() : undefined;

const dashed = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
