/** The search fields of records, as they are compared: the same text in both databases. */
import { fold } from "../values/fold.ts";
import type { Collection } from "./define.ts";

/**
 * How many code points of a field's folded text are kept. Folding makes two letters of some (ß), and up to 18 of rare signs:
 * without a bound 12 KB of those became a document of 276 KB.
 */
export const foldedLength = ({ fields }: Collection, field: string): number => 2 * (fields[field]?.maxLength ?? 0);

/** The folded text of the search fields among those given; null for an absent one. */
export function foldedFields(
  collection: Collection,
  values: Readonly<Record<string, unknown>>,
): Record<string, string | null> {
  const given = collection.search.filter((name) => values[name] !== undefined);
  return Object.fromEntries(
    given.map((name) => {
      const value = values[name];
      return [name, typeof value === "string" ? fold(value, foldedLength(collection, name)) : null];
    }),
  );
}
