/**
 * JSON as values: every number exact (json-numbers.ts), and the keys of an object in one order, which means nothing: whole
 * numbers first, as JavaScript has them, then by UTF-16 code unit. So two values are the same when their texts are.
 *
 *   levels  how many lists and objects stand one in another: 0 of a text or number, 1 of `{}`, 2 of `[{}]`
 *   bytes   of the text that Postgres writes: UTF-8, a space behind each colon and comma, numbers without exponents. That
 *           one, because Postgres can count it for whoever writes over Supabase's REST, and sends it
 */
import { Buffer } from "node:buffer";
import {
  type ExactNumber,
  exactNumber,
  fitsDatabases,
  isRawJSON,
  NUMBERS_THAT_FIT,
  plainLength,
} from "./json-numbers.ts";
import { isStorable } from "./text.ts";

/** What a field holds: JSON null, at the top, is no value but the absence of one. */
export type Json = string | number | boolean | ExactNumber | JsonValue[] | { [key: string]: JsonValue };
export type JsonValue = Json | null;

/** With the document that it is in, one more: the 50 that MongoDB's free tier takes. */
export const MAX_LEVELS = 49;
export const DEFAULT_MAX_BYTES = 64 * 1024;

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** The value of a text that is JSON, of at most some hundred levels: the engine calls itself for each. Throws as JSON.parse. */
export const parseJson = (text: string): JsonValue =>
  parse(text, (_, value, { source }) => {
    if (typeof value === "number") return exactNumber(source ?? String(value));
    return isPlain(value) ? ordered(Object.entries(value)) : value;
  }) as JsonValue;

/** The text of a value, for Postgres, for a cell, and to compare it with. */
export const jsonText = (value: JsonValue): string => JSON.stringify(value);

/** An object of own properties, be they called `__proto__`, in the one order. */
export const ordered = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> =>
  Object.fromEntries(entries.length < 2 ? entries : [...entries].sort(([left], [right]) => (left < right ? -1 : 1)));

/** How many levels a text has, be it JSON or not, without going down into them. */
export function levelsOf(text: string): number {
  let [level, most, isText] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isText) {
      if (character === "\\") at++;
      else if (character === '"') isText = false;
    } else if (character === '"') isText = true;
    else if (character === "[" || character === "{") most = Math.max(most, ++level);
    else if (character === "]" || character === "}") level--;
  }
  return most;
}

/** Why a value is not kept. */
export interface JsonFault {
  code: "too_deep" | "too_large" | "inexact_number" | "invalid_text" | "not_json";
  message: string;
}

/** The value in its one spelling, or the first fault of it. Takes anything, of any depth; what is too large is not read on. */
export function readJson(given: unknown, maxBytes: number): { value: JsonValue } | { fault: JsonFault } {
  let bytes = 0;
  const count = (more: number) => {
    bytes += more;
    if (bytes > maxBytes)
      throw new Refused("too_large", `At most ${maxBytes} bytes of JSON, its numbers written without exponents.`);
  };
  try {
    return { value: read(given, 0, count) };
  } catch (error) {
    if (error instanceof Refused) return { fault: error.fault };
    throw error;
  }
}

/** Ends the reading from wherever it is. */
class Refused extends Error {
  readonly fault: JsonFault;
  constructor(code: JsonFault["code"], message: string) {
    super(message);
    this.fault = { code, message };
  }
}

type Count = (bytes: number) => void;

function read(given: unknown, level: number, count: Count): JsonValue {
  if (given === null || typeof given === "boolean") {
    count(String(given).length);
    return given;
  }
  if (typeof given === "string") return readText(given, count);
  if (typeof given === "number" || isRawJSON(given)) return readNumber(given, count);
  const isList = Array.isArray(given);
  if (!isList && !isPlain(given)) throw NOT_JSON();
  if (level >= MAX_LEVELS)
    throw new Refused("too_deep", `At most ${MAX_LEVELS} levels of lists and objects, one in another.`);
  count(2);
  const next = (at: number) => count(at > 0 ? 2 : 0);
  if (isList) {
    const items: JsonValue[] = [];
    // by index, so that holes are seen
    for (let at = 0; at < given.length; at++) {
      next(at);
      items.push(read(given[at], level + 1, count));
    }
    return items;
  }
  return ordered(
    Object.entries(given).map(([key, value], at): [string, JsonValue] => {
      next(at);
      readText(key, count);
      count(2);
      return [key, read(value, level + 1, count)];
    }),
  );
}

function readText(text: string, count: Count): string {
  if (!isStorable(text)) throw new Refused("invalid_text", "Remove NUL characters and lone surrogates.");
  count(Buffer.byteLength(JSON.stringify(text)));
  return text;
}

function readNumber(given: number | ExactNumber, count: Count): number | ExactNumber {
  const source = typeof given === "number" ? String(given) : given.rawJSON;
  if (!/^-?\d/.test(source)) throw NOT_JSON();
  const number = exactNumber(source);
  if (!fitsDatabases(number))
    throw new Refused("inexact_number", `${NUMBERS_THAT_FIT}: ${shortened(source)} could not be kept exactly.`);
  count(plainLength(number));
  return number;
}

const NOT_JSON = () => new Refused("not_json", "Use values of JSON only.");
const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text);

/** An object of JSON, and no Date, Map or other class, whose content would be lost. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || isRawJSON(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
