import { Int32, Timestamp } from "bson";
import { MongoError, notImplemented } from "./errors.ts";
import { compileQuery } from "./matcher.ts";
import { compare, type Doc, equal, isDoc } from "./values/compare.ts";
import { add, isNum, multiply, type Num, toNumber } from "./values/numbers.ts";
import { own, put } from "./values/paths.ts";
import { typeName } from "./values/types.ts";

export interface UpdateScope {
  readonly now: Date;
  readonly inserting: boolean;
}

type Change = (current: unknown, operand: unknown, scope: UpdateScope, path: string) => unknown;
/** What a change answers to leave a field as it is. */
const KEEP = Symbol("keep");
const ABSENT = Symbol("absent");

function number(value: unknown, operator: string): Num {
  if (isNum(value)) return value;
  throw new MongoError(14, `Cannot ${operator} with non-numeric argument or field of type ${typeName(value)}`);
}

function list(current: unknown, path: string, operator: string): unknown[] {
  if (current === undefined) return [];
  if (Array.isArray(current)) return current;
  throw new MongoError(2, `The field '${path}' must be an array but is of type ${typeName(current)} (${operator})`);
}

function each(operand: unknown): unknown[] {
  return isDoc(operand) && Array.isArray(operand.$each) ? operand.$each : [operand];
}

function pushed(current: unknown, operand: unknown, path: string): unknown[] {
  const result = [...list(current, path, "$push"), ...each(operand)];
  if (!isDoc(operand) || !("$each" in operand)) return result;
  const unknown = Object.keys(operand).find((key) => key !== "$each" && key !== "$slice");
  if (unknown) throw notImplemented(`$push with ${unknown}`);
  if (!isNum(operand.$slice)) return result;
  const size = toNumber(operand.$slice);
  return size === 0 ? [] : size < 0 ? result.slice(size) : result.slice(0, size);
}

function united(current: readonly unknown[], items: readonly unknown[]): unknown[] {
  const result = [...current];
  for (const item of items) if (!result.some((one) => equal(one, item))) result.push(item);
  return result;
}

function pulled(current: unknown, operand: unknown, path: string): unknown {
  if (current === undefined) return KEEP;
  const operators = isDoc(operand) && Object.keys(operand).some((key) => key.startsWith("$"));
  const matches = operators ? compileQuery({ v: operand }) : isDoc(operand) ? compileQuery(operand) : undefined;
  return list(current, path, "$pull").filter((item) => {
    if (!matches) return !equal(item, operand);
    return operators ? !matches({ v: item }) : !(isDoc(item) && matches(item));
  });
}

const CHANGES: Record<string, Change> = {
  $set: (_, operand) => operand,
  $setOnInsert: (_, operand, scope) => (scope.inserting ? operand : KEEP),
  $unset: () => ABSENT,
  $inc: (current, operand) =>
    current === undefined ? number(operand, "$inc") : add(number(current, "$inc"), number(operand, "$inc")),
  $mul: (current, operand) =>
    multiply(current === undefined ? new Int32(0) : number(current, "$mul"), number(operand, "$mul")),
  $min: (current, operand) => (current === undefined || compare(operand, current) < 0 ? operand : KEEP),
  $max: (current, operand) => (current === undefined || compare(operand, current) > 0 ? operand : KEEP),
  $currentDate: (_, operand, scope) =>
    isDoc(operand) && operand.$type === "timestamp"
      ? new Timestamp({ t: Math.floor(scope.now.getTime() / 1000), i: 1 })
      : scope.now,
  $push: (current, operand, _, path) => pushed(current, operand, path),
  $addToSet: (current, operand, _, path) => united(list(current, path, "$addToSet"), each(operand)),
  $pull: (current, operand, _, path) => pulled(current, operand, path),
};

function changed(target: unknown, path: readonly string[], change: (current: unknown) => unknown, from = 0): unknown {
  const name = path[from] ?? "";
  const last = from === path.length - 1;
  if (Array.isArray(target)) {
    if (!/^\d+$/.test(name)) throw new MongoError(28, `Cannot create field '${name}' in an array`);
    const copy = [...target];
    const inner = last ? change(copy[Number(name)]) : changed(copy[Number(name)], path, change, from + 1);
    if (inner === KEEP) return target;
    while (copy.length < Number(name)) copy.push(null);
    copy[Number(name)] = inner === ABSENT ? null : inner;
    return copy;
  }
  if (target !== undefined && !isDoc(target)) {
    throw new MongoError(28, `Cannot create field '${name}' in element {${path[from - 1]}: ${String(target)}}`);
  }
  const current = target === undefined ? undefined : own(target, name);
  const inner = last ? change(current) : changed(current, path, change, from + 1);
  if (inner === KEEP || (inner === ABSENT && current === undefined)) return target === undefined ? KEEP : target;
  const copy = { ...target };
  if (inner === ABSENT) delete copy[name];
  else put(copy, name, inner);
  return copy;
}

/** Compiles `{$set: …, $inc: …}`; refuses unknown modifiers and two changes of one path. */
export function compileModifiers(update: Doc): (doc: Doc, scope: UpdateScope) => Doc {
  const changes: { path: string; parts: string[]; change: Change; operand: unknown }[] = [];
  for (const [modifier, fields] of Object.entries(update)) {
    const change = Object.hasOwn(CHANGES, modifier) ? CHANGES[modifier] : undefined;
    if (!change) {
      throw new MongoError(
        9,
        `Unknown modifier: ${modifier}. Expected a valid update modifier or pipeline-style update specified as an array`,
      );
    }
    if (!isDoc(fields))
      throw new MongoError(9, `Modifiers operate on fields but we found type ${typeName(fields)} instead.`);
    for (const [path, operand] of Object.entries(fields)) {
      const parts = path.split(".");
      if (parts.some((part) => part === "")) throw new MongoError(56, "An empty update path is not valid.");
      if (parts.some((part) => part.startsWith("$"))) throw notImplemented(`The positional path '${path}'`);
      const other = changes.find(
        (one) => `${one.path}.`.startsWith(`${path}.`) || `${path}.`.startsWith(`${one.path}.`),
      );
      if (other) throw new MongoError(40, `Updating the path '${path}' would create a conflict at '${other.path}'`);
      changes.push({ path, parts, change, operand });
    }
  }
  // The server applies changes in the order of their paths, which decides the order of new fields.
  changes.sort((a, b) => compare(a.path, b.path));
  return (doc, scope) =>
    changes.reduce<Doc>((result, { path, parts, change, operand }) => {
      const next = changed(result, parts, (current) => change(current, operand, scope, path));
      return next === KEEP ? result : (next as Doc);
    }, doc);
}
