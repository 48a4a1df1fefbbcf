/**
 * Queries. mingo's own matcher is not used: it knows neither Decimal128 nor exact 64-bit integers, compares strings by
 * UTF-16 units and its type order is not BSON's.
 */
import { MongoError, notImplemented } from "./errors.ts";
import { compile } from "./expressions/compile.ts";
import { type Scope, truthy } from "./expressions/operator.ts";
import { compileSchema } from "./schema.ts";
import { compare, type Doc, equal, isDoc, typeOrder } from "./values/compare.ts";
import { isNum, type Num, toNumber, truncated } from "./values/numbers.ts";
import { valuesAt } from "./values/paths.ts";
import { regularExpression } from "./values/regex.ts";
import { isOfType, knownType } from "./values/types.ts";

export type Matcher = (doc: Doc) => boolean;
type Test = (values: readonly unknown[]) => boolean;

/** Compiles a query, so that what is wrong with it is said even when there is nothing to look at. */
export function compileQuery(query: unknown, scope: Omit<Scope, "root"> = { vars: {} }): Matcher {
  if (!isDoc(query)) throw new MongoError(14, "Expected field filterto be of type object");
  const tests = Object.entries(query)
    .filter(([name]) => name !== "$comment")
    .map(([name, value]) => (name.startsWith("$") ? compileTopLevel(name, value, scope) : compileField(name, value)));
  return (doc) => tests.every((test) => test(doc));
}

function compileTopLevel(name: string, value: unknown, scope: Omit<Scope, "root">): Matcher {
  if (name === "$expr") {
    const expression = compile(value);
    return (doc) => truthy(expression({ ...scope, root: doc }));
  }
  if (name === "$jsonSchema") return compileSchema(value);
  if (name !== "$and" && name !== "$or" && name !== "$nor") {
    throw new MongoError(
      2,
      `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
    );
  }
  if (!Array.isArray(value)) throw new MongoError(2, `${name} must be an array`);
  if (value.length === 0) throw new MongoError(2, "$and/$or/$nor must be a nonempty array");
  const inner = value.map((part) => compileQuery(part, scope));
  if (name === "$and") return (doc) => inner.every((test) => test(doc));
  if (name === "$or") return (doc) => inner.some((test) => test(doc));
  return (doc) => !inner.some((test) => test(doc));
}

function compileField(name: string, condition: unknown): Matcher {
  const path = name.split(".");
  const test = compileCondition(condition);
  return (doc) => test(valuesAt(doc, path));
}

function isOperators(value: unknown): value is Doc {
  return isDoc(value) && Object.keys(value).some((key) => key.startsWith("$"));
}

function compileCondition(condition: unknown): Test {
  if (condition instanceof RegExp || typeOrder(condition) === 50) return matchesRegex(condition, "");
  if (!isOperators(condition)) return equals(condition);
  const tests = Object.entries(condition).map(([operator, value]) => compileOperator(operator, value, condition));
  return (values) => tests.every((test) => test(values));
}

/** A value is looked at itself and, when it is an array, by element. */
function anyOf(test: (value: unknown) => boolean): Test {
  return (values) => values.some((value) => test(value) || (Array.isArray(value) && value.some(test)));
}

function equals(operand: unknown): Test {
  if (operand === null || operand === undefined) return anyOf((value) => value === null || value === undefined);
  return anyOf((value) => equal(value, operand));
}

function ordered(operand: unknown, accepts: (order: number) => boolean): Test {
  const type = operand === null ? 5 : typeOrder(operand);
  const wantsNaN = isNum(operand) && Number.isNaN(toNumber(operand));
  return anyOf((value) => {
    if (typeOrder(value ?? null) !== type) return false;
    if (isNum(value) && Number.isNaN(toNumber(value)) !== wantsNaN) return false;
    return accepts(compare(value ?? null, operand));
  });
}

function list(operator: string, operand: unknown): Test[] {
  if (!Array.isArray(operand)) throw new MongoError(2, `${operator} needs an array`);
  return operand.map((value) => (typeOrder(value) === 50 ? matchesRegex(value, "") : equals(value)));
}

function matchesRegex(operand: unknown, options: string): Test {
  const expression = regularExpression(operand, options);
  return anyOf((value) => typeof value === "string" && expression.test(value));
}

function matchesType(operand: unknown): Test {
  const aliases = (Array.isArray(operand) ? operand : [operand]).map((alias) => {
    const known = knownType(isNum(alias) ? toNumber(alias) : String(alias));
    if (known === undefined) throw new MongoError(2, `Unknown type name alias: ${alias}`);
    return known;
  });
  return anyOf((value) => value !== undefined && aliases.some((alias) => isOfType(value, alias)));
}

function matchesElement(operand: unknown): Test {
  if (!isDoc(operand)) throw new MongoError(2, "$elemMatch needs an Object");
  const byValue = isOperators(operand) && !["$and", "$or", "$nor"].includes(Object.keys(operand)[0] ?? "");
  const test = byValue ? compileCondition(operand) : compileQuery(operand);
  return (values) =>
    values.some(
      (value) =>
        Array.isArray(value) &&
        value.some((element) => (byValue ? (test as Test)([element]) : isDoc(element) && (test as Matcher)(element))),
    );
}

function whole(operator: string, value: unknown): bigint {
  const number = isNum(value) ? truncated(value) : undefined;
  if (number === undefined) throw new MongoError(2, `malformed ${operator}: expected a number`);
  return number;
}

function compileOperator(operator: string, operand: unknown, siblings: Doc): Test {
  switch (operator) {
    case "$eq":
      return equals(operand);
    case "$ne": {
      const test = equals(operand);
      return (values) => !test(values);
    }
    case "$gt":
      return ordered(operand, (order) => order > 0);
    case "$gte":
      return ordered(operand, (order) => order >= 0);
    case "$lt":
      return ordered(operand, (order) => order < 0);
    case "$lte":
      return ordered(operand, (order) => order <= 0);
    case "$in":
    case "$nin": {
      const tests = list(operator, operand);
      return (values) => tests.some((test) => test(values)) === (operator === "$in");
    }
    case "$all": {
      const tests = list(operator, operand);
      return (values) => tests.length > 0 && tests.every((test) => test(values));
    }
    case "$not": {
      if (!isOperators(operand) && typeOrder(operand) !== 50)
        throw new MongoError(2, "$not needs a regex or a document");
      const test = compileCondition(operand);
      return (values) => !test(values);
    }
    case "$exists":
      return (values) => values.some((value) => value !== undefined) === truthy(operand);
    case "$type":
      return matchesType(operand);
    case "$regex":
      return matchesRegex(operand, String(siblings.$options ?? ""));
    case "$options":
      if (!("$regex" in siblings)) throw new MongoError(2, "$options needs a $regex");
      return () => true;
    case "$size": {
      const size = whole(operator, operand);
      return (values) => values.some((value) => Array.isArray(value) && BigInt(value.length) === size);
    }
    case "$mod": {
      const [divisor, rest] = (Array.isArray(operand) ? operand : []).map((value) => whole(operator, value));
      if (!divisor || rest === undefined) throw new MongoError(2, "divisor cannot be 0");
      return anyOf(
        (value) => isNum(value) && truncated(value as Num) !== undefined && (truncated(value) ?? 0n) % divisor === rest,
      );
    }
    case "$elemMatch":
      return matchesElement(operand);
    case "$geoWithin":
    case "$near":
    case "$text":
      throw notImplemented(operator);
    default:
      throw new MongoError(2, `unknown operator: ${operator}`);
  }
}

/** The values an equality on a field asks for, with which an index can be entered; nothing when it asks otherwise. */
export function equalitiesOf(query: Doc, into: Map<string, unknown[]> = new Map()): Map<string, unknown[]> {
  for (const [name, condition] of Object.entries(query)) {
    if (name === "$and" && Array.isArray(condition)) for (const part of condition) equalitiesOf(part as Doc, into);
    if (name.startsWith("$") || typeOrder(condition) === 50) continue;
    if (!isOperators(condition)) into.set(name, [condition]);
    else if ("$eq" in condition) into.set(name, [condition.$eq]);
    else if (Array.isArray(condition.$in) && !condition.$in.some((value) => typeOrder(value) === 50))
      into.set(name, condition.$in);
  }
  return into;
}
