import { MongoError } from "./errors.ts";
import { compare, type Doc, isDoc } from "./values/compare.ts";
import { isNum, toNumber } from "./values/numbers.ts";
import { valuesAt } from "./values/paths.ts";

/** The value an array is sorted by: its smallest element going up, its largest going down. */
function sortValue(doc: Doc, path: readonly string[], direction: number): unknown {
  const [first = undefined, ...more] = path.length === 1 ? [doc[path[0] ?? ""]] : valuesAt(doc, path);
  if (more.length === 0 && !Array.isArray(first)) return first ?? null;
  const values = [first, ...more]
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .map((value) => value ?? null);
  return values.reduce((best, value) => (compare(value, best) * direction < 0 ? value : best), values[0] ?? null);
}

/** Compiles a sort into a function that gives a sorted copy; equal documents keep their order. */
export function compileSort(spec: unknown): (docs: readonly Doc[]) => Doc[] {
  if (!isDoc(spec)) throw new MongoError(15973, "the $sort key specification must be an object");
  const keys = Object.entries(spec).map(([name, value]) => {
    const direction = isNum(value) ? toNumber(value) : 0;
    if (direction !== 1 && direction !== -1)
      throw new MongoError(15975, "$sort key ordering must be 1 (for ascending) or -1 (for descending)");
    return { path: name.split("."), direction };
  });
  if (keys.length === 0) return (docs) => [...docs];
  return (docs) =>
    docs
      .map((doc) => ({ doc, values: keys.map(({ path, direction }) => sortValue(doc, path, direction)) }))
      .sort((a, b) => {
        for (const [index, { direction }] of keys.entries()) {
          const order = compare(a.values[index], b.values[index]);
          if (order !== 0) return order * direction;
        }
        return 0;
      })
      .map(({ doc }) => doc);
}
