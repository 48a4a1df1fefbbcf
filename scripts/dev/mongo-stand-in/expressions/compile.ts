/**
 * Expressions of aggregations and update pipelines, compiled once. Whatever compares or calculates is our own, because
 * mingo's is not exact (see `exact.ts`); string and array operators, where it is, are mingo's (see `borrowed.ts`).
 */
import { MongoError } from "../errors.ts";
import { type Doc, isDoc } from "../values/compare.ts";
import { expressionValue, put } from "../values/paths.ts";
import { borrowed } from "./borrowed.ts";
import { dates } from "./dates.ts";
import { exact } from "./exact.ts";
import type { Expression, Operator } from "./operator.ts";
import { structural } from "./structural.ts";

function variable(path: string): Expression {
  const [name = "", ...rest] = path.split(".");
  return (scope) => {
    if (name === "ROOT" || name === "CURRENT") return expressionValue(scope.root, rest);
    if (name === "REMOVE") return undefined;
    if (!Object.hasOwn(scope.vars, name)) throw new MongoError(17276, `Use of undefined variable: ${name}`);
    return expressionValue(scope.vars[name], rest);
  };
}

function text(value: string): Expression {
  if (value.startsWith("$$")) return variable(value.slice(2));
  if (!value.startsWith("$")) return () => value;
  const path = value.slice(1).split(".");
  if (path.some((part) => part === "" || part.startsWith("$"))) {
    throw new MongoError(16872, `'${value}' is not a valid field path`);
  }
  return (scope) => expressionValue(scope.root, path);
}

function document(value: Doc): Expression {
  const fields = Object.entries(value).map(([name, inner]) => {
    if (name.startsWith("$")) {
      throw new MongoError(15983, "an object representing an expression must have exactly one field");
    }
    return [name, compile(inner)] as const;
  });
  return (scope) => {
    const result: Doc = {};
    for (const [name, inner] of fields) {
      const found = inner(scope);
      if (found !== undefined) put(result, name, found);
    }
    return result;
  };
}

/** Compiles an expression and refuses operators that the server does not know. */
export function compile(value: unknown): Expression {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) {
    const inner = value.map(compile);
    return (scope) => inner.map((item) => item(scope) ?? null);
  }
  if (!isDoc(value)) return () => value;
  const [name] = Object.keys(value);
  if (name === undefined || !name.startsWith("$") || Object.keys(value).length > 1) return document(value);
  const operator = operatorNamed(name);
  if (!operator) throw new MongoError(168, `Unrecognized expression '${name}'`);
  return operator(value[name], name, compile);
}

function operatorNamed(name: string): Operator | undefined {
  for (const operators of [structural, exact, dates, borrowed]) {
    if (Object.hasOwn(operators, name)) return operators[name];
  }
  return undefined;
}
