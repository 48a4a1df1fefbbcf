import { type Doc, isDoc } from "./compare.ts";

/** Assigns without touching a prototype, whatever the name. */
export function put(doc: Doc, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(doc, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    doc[name] = value;
  }
}

export function own(doc: Doc, name: string): unknown {
  return Object.hasOwn(doc, name) ? doc[name] : undefined;
}

const INDEX = /^(0|[1-9]\d*)$/;

/** Every value a query path reaches, through arrays by element and by position. Arrays at the end stay whole. */
export function valuesAt(value: unknown, path: readonly string[], from = 0): unknown[] {
  const name = path[from];
  if (name === undefined) return [value];
  if (Array.isArray(value)) {
    const found = value.flatMap((element) => (isDoc(element) ? valuesAt(element, path, from) : []));
    return INDEX.test(name) && Number(name) < value.length
      ? [...found, ...valuesAt(value[Number(name)], path, from + 1)]
      : found;
  }
  if (!isDoc(value)) return [undefined];
  const inner = own(value, name);
  return inner === undefined ? [undefined] : valuesAt(inner, path, from + 1);
}

/** The value an expression's field path has: arrays on the way are mapped, what is missing in them left out. */
export function expressionValue(value: unknown, path: readonly string[], from = 0): unknown {
  const name = path[from];
  if (name === undefined) return value;
  if (Array.isArray(value)) {
    return value
      .filter((element) => isDoc(element) || Array.isArray(element))
      .map((element) => expressionValue(element, path, from))
      .filter((inner) => inner !== undefined);
  }
  return isDoc(value) ? expressionValue(own(value, name), path, from + 1) : undefined;
}

/** A copy with the value at the path; $set of a pipeline reaches into each element of an array on the way. */
export function withExpressionValue(target: unknown, path: readonly string[], value: unknown, from = 0): unknown {
  const name = path[from];
  if (name === undefined) return value;
  if (Array.isArray(target)) return target.map((element) => withExpressionValue(element, path, value, from));
  const copy: Doc = isDoc(target) ? { ...target } : {};
  const inner = withExpressionValue(own(copy, name), path, value, from + 1);
  if (inner === undefined) delete copy[name];
  else put(copy, name, inner);
  return copy;
}

/** A copy without the paths, through arrays. */
export function without(target: unknown, path: readonly string[], from = 0): unknown {
  if (Array.isArray(target)) return target.map((element) => without(element, path, from));
  const name = path[from];
  if (!isDoc(target) || name === undefined || !Object.hasOwn(target, name)) return target;
  const copy = { ...target };
  if (from === path.length - 1) delete copy[name];
  else put(copy, name, without(copy[name], path, from + 1));
  return copy;
}
