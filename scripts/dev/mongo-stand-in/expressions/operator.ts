import { MongoError } from "../errors.ts";
import { compareNumbers, integer, isNum } from "../values/numbers.ts";

export interface Scope {
  readonly root: unknown;
  /** by name, without dollar signs; NOW is set by each command */
  readonly vars: Readonly<Record<string, unknown>>;
}

export type Expression = (scope: Scope) => unknown;
export type Compile = (value: unknown) => Expression;
/** An operator gets its argument as written and compiles what it needs of it. */
export type Operator = (argument: unknown, name: string, compile: Compile) => Expression;

const ZERO = integer(0);

/** False, null, missing and zero are false. */
export function truthy(value: unknown): boolean {
  if (isNum(value)) return compareNumbers(value, ZERO) !== 0;
  return value !== false && value !== null && value !== undefined;
}

/** The arguments of an operator that takes a list, or one argument without a list. */
export function compileList(
  argument: unknown,
  name: string,
  compile: Compile,
  min = 0,
  max = Number.POSITIVE_INFINITY,
): Expression[] {
  const list = Array.isArray(argument) ? argument : [argument];
  if (list.length < min || list.length > max) {
    const wanted = min === max ? `exactly ${min} arguments` : `at least ${min} arguments`;
    throw new MongoError(16020, `Expression ${name} takes ${wanted}. ${list.length} were passed in.`);
  }
  return list.map(compile);
}
