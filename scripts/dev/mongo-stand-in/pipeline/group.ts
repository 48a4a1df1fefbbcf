import { Double, Int32 } from "bson";
import { MongoError } from "../errors.ts";
import { compile } from "../expressions/compile.ts";
import type { Scope } from "../expressions/operator.ts";
import { compare, type Doc, isDoc, keyOf } from "../values/compare.ts";
import { add, divide, integer, isNum, type Num } from "../values/numbers.ts";
import { own, put } from "../values/paths.ts";

interface Accumulator {
  add(value: unknown): void;
  result(): unknown;
}

function sum(): Accumulator {
  let total: Num = new Int32(0);
  return {
    add: (value) => {
      if (isNum(value)) total = add(total, value);
    },
    result: () => total,
  };
}

function average(): Accumulator {
  const total = sum();
  let count = 0;
  return {
    add: (value) => {
      if (isNum(value)) count += 1;
      total.add(value);
    },
    result: () => {
      if (count === 0) return null;
      const found = total.result() as Num;
      return found._bsontype === "Decimal128" ? divide(found, integer(count)) : divide(found, new Double(count));
    },
  };
}

function best(sign: number): Accumulator {
  let found: unknown;
  return {
    add: (value) => {
      if (value === null || value === undefined) return;
      if (found === undefined || compare(value, found) * sign > 0) found = value;
    },
    result: () => found ?? null,
  };
}

function all(unique: boolean): Accumulator {
  const values: unknown[] = [];
  const seen = new Set<string>();
  return {
    add: (value) => {
      if (value === undefined) return;
      if (unique) {
        const key = keyOf(value);
        if (seen.has(key)) return;
        seen.add(key);
      }
      values.push(value);
    },
    result: () => values,
  };
}

function nth(last: boolean): Accumulator {
  let found: unknown;
  let any = false;
  return {
    add: (value) => {
      if (!any || last) found = value;
      any = true;
    },
    result: () => found ?? null,
  };
}

const ACCUMULATORS: Record<string, () => Accumulator> = {
  $sum: sum,
  $avg: average,
  $min: () => best(-1),
  $max: () => best(1),
  $first: () => nth(false),
  $last: () => nth(true),
  $push: () => all(false),
  $addToSet: () => all(true),
};

/** Compiles `$group`. Sums of decimals and of 64-bit integers are exact. */
export function compileGroup(spec: unknown): (docs: readonly Doc[], scope: Omit<Scope, "root">) => Doc[] {
  if (!isDoc(spec)) throw new MongoError(15947, "a group's fields must be specified in an object");
  if (!Object.hasOwn(spec, "_id")) throw new MongoError(15955, "a group specification must include an _id");
  const id = compile(own(spec, "_id"));
  const fields = Object.entries(spec)
    .filter(([name]) => name !== "_id")
    .map(([name, value]) => {
      const [operator = ""] = isDoc(value) ? Object.keys(value) : [];
      if (!isDoc(value)) throw new MongoError(40234, `The field '${name}' must be an accumulator object`);
      const counts = operator === "$count";
      const create = counts ? sum : Object.hasOwn(ACCUMULATORS, operator) ? ACCUMULATORS[operator] : undefined;
      if (!create) throw new MongoError(15952, `unknown group operator '${operator}'`);
      return { name, create, value: counts ? () => new Int32(1) : compile(value[operator]) };
    });
  return (docs, scope) => {
    const groups = new Map<string, { id: unknown; accumulators: Accumulator[] }>();
    for (const doc of docs) {
      const inner = { ...scope, root: doc };
      const value = id(inner) ?? null;
      const key = keyOf(value);
      let group = groups.get(key);
      if (!group) {
        group = { id: value, accumulators: fields.map(({ create }) => create()) };
        groups.set(key, group);
      }
      for (const [index, field] of fields.entries()) group.accumulators[index]?.add(field.value(inner));
    }
    return [...groups.values()].map((group) => {
      const result: Doc = { _id: group.id };
      for (const [index, { name }] of fields.entries()) put(result, name, group.accumulators[index]?.result());
      return result;
    });
  };
}
