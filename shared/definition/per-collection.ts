/** What follows from a definition alone, found once for each: every row and every call asks for it. */
import type { Collection } from "./define.ts";

export function perCollection<T>(make: (collection: Collection) => T): (collection: Collection) => T {
  const known = new WeakMap<Collection, { made: T }>();
  return (collection) => {
    const found = known.get(collection) ?? { made: make(collection) };
    known.set(collection, found);
    return found.made;
  };
}

export const byName = (collections: readonly Collection[]): ReadonlyMap<string, Collection> =>
  new Map(collections.map((collection) => [collection.name, collection]));
