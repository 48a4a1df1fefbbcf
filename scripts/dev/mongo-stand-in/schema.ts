import { MongoError } from "./errors.ts";
import { type Doc, equal, isDoc, keyOf } from "./values/compare.ts";
import { compareNumbers, isNum, toNumber } from "./values/numbers.ts";
import { own } from "./values/paths.ts";
import { regularExpression } from "./values/regex.ts";
import { isOfType, knownType } from "./values/types.ts";

type Check = (value: unknown) => boolean;

const JSON_TYPES: Record<string, string> = { boolean: "bool" };

/** Compiles a `$jsonSchema`; a keyword says nothing about values of types that it is not for. */
export function compileSchema(schema: unknown): (value: unknown) => boolean {
  return compileNode(schema);
}

function compileNode(schema: unknown): Check {
  if (!isDoc(schema)) throw new MongoError(14, "$jsonSchema must be an object");
  const checks = Object.entries(schema).map(([keyword, operand]) => compileKeyword(keyword, operand, schema));
  return (value) => checks.every((check) => check(value));
}

function compileAll(keyword: string, operand: unknown): Check[] {
  if (!Array.isArray(operand)) throw new MongoError(14, `$jsonSchema keyword '${keyword}' must be an array`);
  return operand.map(compileNode);
}

function nodes(keyword: string, operand: unknown): Map<string, Check> {
  if (!isDoc(operand)) throw new MongoError(14, `$jsonSchema keyword '${keyword}' must be an object`);
  return new Map(Object.entries(operand).map(([name, node]) => [name, compileNode(node)]));
}

function bound(keyword: string, operand: unknown, size: (value: unknown) => number | undefined): Check {
  if (!isNum(operand)) throw new MongoError(14, `$jsonSchema keyword '${keyword}' must be a number`);
  const limit = toNumber(operand);
  return (value) => {
    const actual = size(value);
    return actual === undefined || (keyword.startsWith("min") ? actual >= limit : actual <= limit);
  };
}

const length = (value: unknown) => (typeof value === "string" ? [...value].length : undefined);
const items = (value: unknown) => (Array.isArray(value) ? value.length : undefined);
const properties = (value: unknown) => (isDoc(value) ? Object.keys(value).length : undefined);

function types(operand: unknown, rename: Record<string, string>): Check {
  const aliases = (Array.isArray(operand) ? operand : [operand]).map((alias) => {
    const known = knownType(rename[String(alias)] ?? String(alias));
    if (known === undefined) throw new MongoError(2, `Unknown type name alias: ${alias}`);
    return known;
  });
  return (value) => aliases.some((alias) => isOfType(value, alias));
}

function range(keyword: string, operand: unknown, schema: Doc): Check {
  if (!isNum(operand)) throw new MongoError(14, `$jsonSchema keyword '${keyword}' must be a number`);
  const sign = keyword === "minimum" ? 1 : -1;
  const exclusive = schema[keyword === "minimum" ? "exclusiveMinimum" : "exclusiveMaximum"] === true;
  return (value) => {
    if (!isNum(value)) return true;
    const order = compareNumbers(value, operand) * sign;
    return exclusive ? order > 0 : order >= 0;
  };
}

function onlyKnown(operand: unknown, schema: Doc): Check {
  const known = new Set(Object.keys(isDoc(schema.properties) ? schema.properties : {}));
  const patterns = Object.keys(isDoc(schema.patternProperties) ? schema.patternProperties : {}).map((source) =>
    regularExpression(source, ""),
  );
  const check = typeof operand === "boolean" ? () => operand : compileNode(operand);
  return (value) =>
    !isDoc(value) ||
    Object.entries(value).every(
      ([name, inner]) => known.has(name) || patterns.some((pattern) => pattern.test(name)) || check(inner),
    );
}

function itemsCheck(operand: unknown, schema: Doc): Check {
  const single = Array.isArray(operand) ? undefined : compileNode(operand);
  const each = single ? [] : compileAll("items", operand);
  const rest = schema.additionalItems === false ? () => false : () => true;
  return (value) => !Array.isArray(value) || value.every((item, index) => (single ?? each[index] ?? rest)(item));
}

function compileKeyword(keyword: string, operand: unknown, schema: Doc): Check {
  switch (keyword) {
    case "title":
    case "description":
    case "additionalItems":
      return () => true;
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      if (typeof operand !== "boolean") throw new MongoError(14, `$jsonSchema keyword '${keyword}' must be a boolean`);
      return () => true;
    case "bsonType":
      return types(operand, {});
    case "type":
      return types(operand, JSON_TYPES);
    case "required": {
      if (!Array.isArray(operand) || operand.length === 0)
        throw new MongoError(9, "$jsonSchema keyword 'required' cannot be an empty array");
      return (value) => !isDoc(value) || operand.every((name) => own(value, String(name)) !== undefined);
    }
    case "properties": {
      const inner = nodes(keyword, operand);
      return (value) =>
        !isDoc(value) || [...inner].every(([name, check]) => own(value, name) === undefined || check(value[name]));
    }
    case "patternProperties": {
      const inner = [...nodes(keyword, operand)].map(([name, check]) => [regularExpression(name, ""), check] as const);
      return (value) =>
        !isDoc(value) ||
        Object.entries(value).every(([name, item]) =>
          inner.every(([pattern, check]) => !pattern.test(name) || check(item)),
        );
    }
    case "additionalProperties":
      return onlyKnown(operand, schema);
    case "items":
      return itemsCheck(operand, schema);
    case "enum": {
      const allowed = Array.isArray(operand) ? operand : [];
      return (value) => allowed.some((one) => equal(one, value));
    }
    case "minimum":
    case "maximum":
      return range(keyword, operand, schema);
    case "minLength":
    case "maxLength":
      return bound(keyword, operand, length);
    case "minItems":
    case "maxItems":
      return bound(keyword, operand, items);
    case "minProperties":
    case "maxProperties":
      return bound(keyword, operand, properties);
    case "uniqueItems":
      return (value) => operand !== true || !Array.isArray(value) || new Set(value.map(keyOf)).size === value.length;
    case "pattern": {
      const pattern = regularExpression(operand, "");
      return (value) => typeof value !== "string" || pattern.test(value);
    }
    case "allOf": {
      const checks = compileAll(keyword, operand);
      return (value) => checks.every((check) => check(value));
    }
    case "anyOf": {
      const checks = compileAll(keyword, operand);
      return (value) => checks.some((check) => check(value));
    }
    case "oneOf": {
      const checks = compileAll(keyword, operand);
      return (value) => checks.filter((check) => check(value)).length === 1;
    }
    case "not": {
      const check = compileNode(operand);
      return (value) => !check(value);
    }
    default:
      throw new MongoError(9, `Unknown $jsonSchema keyword: ${keyword}`);
  }
}
