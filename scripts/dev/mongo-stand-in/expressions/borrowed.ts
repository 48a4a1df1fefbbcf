/** String and array operators of mingo, called with arguments that are already evaluated. */
import { Context, computeValue } from "mingo/core";
import * as operators from "mingo/operators/expression";
import { MongoError } from "../errors.ts";
import { integer, isNum, toNumber } from "../values/numbers.ts";
import { compileList, type Operator } from "./operator.ts";

const NAMES = [
  "$arrayElemAt",
  "$concat",
  "$concatArrays",
  "$indexOfBytes",
  "$indexOfCP",
  "$ltrim",
  "$replaceAll",
  "$replaceOne",
  "$reverseArray",
  "$rtrim",
  "$size",
  "$slice",
  "$split",
  "$strLenBytes",
  "$strLenCP",
  "$trim",
] as const;

/** mingo wants a list here, also of one. */
const TAKES_LISTS: ReadonlySet<string> = new Set(["$concat", "$concatArrays"]);

const wanted = Object.entries(operators).filter(
  ([name]) => name === "$literal" || (NAMES as readonly string[]).includes(name),
);
const expression = Object.fromEntries(wanted);
const context = Context.init({ expression: expression as never });

function literal(value: unknown): unknown {
  return { $literal: isNum(value) ? toNumber(value) : (value ?? null) };
}

function call(name: string, argument: unknown): unknown {
  try {
    const result = computeValue({}, argument as never, name as never, { context } as never);
    return typeof result === "number" ? integer(result) : result;
  } catch (error) {
    throw new MongoError(40_000, `${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const borrow: Operator = (argument, name, compile) => {
  if (argument !== null && typeof argument === "object" && !Array.isArray(argument) && "input" in argument) {
    const parts = Object.entries(argument).map(([key, value]) => [key, compile(value)] as const);
    return (scope) => call(name, Object.fromEntries(parts.map(([key, value]) => [key, literal(value(scope))])));
  }
  const all = compileList(argument, name, compile);
  return (scope) => {
    const values = all.map((one) => literal(one(scope)));
    return call(name, values.length === 1 && !TAKES_LISTS.has(name) ? values[0] : values);
  };
};

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

/** mingo refuses a count that goes beyond the end, which the server allows. */
const substring =
  (cut: (text: string, from: number, count: number) => string): Operator =>
  (argument, name, compile) => {
    const [input, from, count] = compileList(argument, name, compile, 3, 3);
    return (scope) => {
      const [start, length] = [from?.(scope), count?.(scope)];
      if (!isNum(start) || !isNum(length))
        throw new MongoError(34450, `${name}: starting index and length must be numbers`);
      return cut(text(input?.(scope)), toNumber(start), toNumber(length));
    };
  };

const bytes = substring((value, from, count) => {
  const all = Buffer.from(value);
  const part = all.subarray(from, count < 0 ? undefined : from + count);
  const continues = (at: number) => ((all[at] ?? 0) & 0xc0) === 0x80;
  if (continues(from) || continues(from + part.length)) {
    throw new MongoError(28656, "$substrBytes:  Invalid range, a boundary is inside a UTF-8 character.");
  }
  return part.toString();
});

export const borrowed: Record<string, Operator> = {
  ...Object.fromEntries(NAMES.filter((name) => name in expression).map((name) => [name, borrow])),
  $substr: bytes,
  $substrBytes: bytes,
  $substrCP: substring((value, from, count) => [...value].slice(from, from + count).join("")),
};
