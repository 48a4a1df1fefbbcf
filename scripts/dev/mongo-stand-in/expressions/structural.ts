import { Int32 } from "bson";
import { encode } from "../bson.ts";
import { MongoError } from "../errors.ts";
import { type Doc, isDoc } from "../values/compare.ts";
import { put } from "../values/paths.ts";
import { typeName } from "../values/types.ts";
import { type Compile, compileList, type Expression, type Operator, type Scope, truthy } from "./operator.ts";

function part(argument: unknown, name: string, key: string): unknown {
  if (!isDoc(argument) || !(key in argument)) throw new MongoError(9, `Missing '${key}' parameter to ${name}`);
  return argument[key];
}

function withVariable(scope: Scope, name: string, value: unknown): Scope {
  return { root: scope.root, vars: { ...scope.vars, [name]: value } };
}

function overArray(argument: unknown, name: string, body: string, compile: Compile): [Expression, Expression, string] {
  const as = isDoc(argument) ? argument.as : undefined;
  return [compile(part(argument, name, "input")), compile(part(argument, name, body)), String(as ?? "this")];
}

function array(value: unknown, name: string): unknown[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) throw new MongoError(28651, `input to ${name} must be an array not ${typeName(value)}`);
  return value;
}

/** Operators that choose, name and put together values without looking into them. */
export const structural: Record<string, Operator> = {
  $literal: (argument) => () => argument,
  $bsonSize: (argument, name, compile) => {
    const [one = compile(null)] = compileList(argument, name, compile, 1, 1);
    return (scope) => {
      const value = one(scope);
      if (value === null || value === undefined) return null;
      if (!isDoc(value)) throw new MongoError(31393, `$bsonSize requires a document input, found: ${typeName(value)}`);
      return new Int32(encode(value).length);
    };
  },
  $and: (argument, name, compile) => {
    const all = compileList(argument, name, compile);
    return (scope) => all.every((one) => truthy(one(scope)));
  },
  $or: (argument, name, compile) => {
    const all = compileList(argument, name, compile);
    return (scope) => all.some((one) => truthy(one(scope)));
  },
  $not: (argument, name, compile) => {
    const [one = compile(null)] = compileList(argument, name, compile, 1, 1);
    return (scope) => !truthy(one(scope));
  },
  $cond: (argument, name, compile) => {
    const parts = isDoc(argument) ? ["if", "then", "else"].map((key) => part(argument, name, key)) : argument;
    const [test, yes, no] = compileList(parts, name, compile, 3, 3);
    return (scope) => (truthy(test?.(scope)) ? yes?.(scope) : no?.(scope));
  },
  $ifNull: (argument, name, compile) => {
    const all = compileList(argument, name, compile, 2);
    return (scope) => {
      let value: unknown;
      for (const one of all) {
        value = one(scope);
        if (value !== null && value !== undefined) break;
      }
      return value;
    };
  },
  $switch: (argument, name, compile) => {
    const branches = part(argument, name, "branches") as unknown[];
    const cases = branches.map(
      (branch) => [compile(part(branch, name, "case")), compile(part(branch, name, "then"))] as const,
    );
    const otherwise = isDoc(argument) && "default" in argument ? compile(argument.default) : undefined;
    return (scope) => {
      for (const [test, then] of cases) if (truthy(test(scope))) return then(scope);
      if (!otherwise)
        throw new MongoError(
          40066,
          "$switch could not find a matching branch for an input, and no default was specified.",
        );
      return otherwise(scope);
    };
  },
  $let: (argument, name, compile) => {
    const vars = Object.entries(part(argument, name, "vars") as Doc).map(
      ([key, value]) => [key, compile(value)] as const,
    );
    const body = compile(part(argument, name, "in"));
    return (scope) =>
      body({
        root: scope.root,
        vars: { ...scope.vars, ...Object.fromEntries(vars.map(([key, value]) => [key, value(scope)])) },
      });
  },
  $map: (argument, name, compile) => {
    const [input, body, as] = overArray(argument, name, "in", compile);
    return (scope) => array(input(scope), name)?.map((value) => body(withVariable(scope, as, value)) ?? null) ?? null;
  },
  $filter: (argument, name, compile) => {
    const [input, test, as] = overArray(argument, name, "cond", compile);
    return (scope) =>
      array(input(scope), name)?.filter((value) => truthy(test(withVariable(scope, as, value)))) ?? null;
  },
  $mergeObjects: (argument, name, compile) => {
    const all = compileList(argument, name, compile);
    return (scope) => mergeObjects(all.map((one) => one(scope)));
  },
  $getField: (argument, name, compile) => {
    const field = String(isDoc(argument) ? part(argument, name, "field") : argument);
    const input = compile(isDoc(argument) && "input" in argument ? argument.input : "$$CURRENT");
    return (scope) => {
      const value = input(scope);
      return isDoc(value) && Object.hasOwn(value, field) ? value[field] : undefined;
    };
  },
  $objectToArray: (argument, name, compile) => {
    const [one] = compileList(argument, name, compile, 1, 1);
    return (scope) => {
      const value = one?.(scope);
      return isDoc(value) ? Object.entries(value).map(([k, v]) => ({ k, v })) : null;
    };
  },
  $type: (argument, name, compile) => {
    const [one] = compileList(argument, name, compile, 1, 1);
    return (scope) => typeName(one?.(scope));
  },
  $isArray: (argument, name, compile) => {
    const [one] = compileList(argument, name, compile, 1, 1);
    return (scope) => Array.isArray(one?.(scope));
  },
};

function mergeObjects(values: readonly unknown[]): Doc {
  const result: Doc = {};
  for (const value of values) {
    if (value === null || value === undefined) continue;
    if (!isDoc(value))
      throw new MongoError(40400, `$mergeObjects requires object inputs, but input is of type ${typeName(value)}`);
    for (const [name, inner] of Object.entries(value)) put(result, name, inner);
  }
  return result;
}
