/** Kept in this process, for a system that has one. Bounded: the entry that was looked at longest ago goes first. */

import { EVERYBODY } from "./cache.ts";
import type { Shelf } from "./shelf.ts";

const MAX_ENTRIES = 10_000;

interface Entry {
  generation: string;
  text: string;
  until: number;
}

export function createMemoryShelf(clock: () => number = Date.now): Shelf {
  /** only of scopes that were written to; a scope without one is at generation 0 */
  const generations = new Map<string, number>();
  const markers = new Map<string, Map<string, number>>();
  const entries = new Map<string, Entry>();
  // generations of another shelf are none of this one's
  const own = crypto.randomUUID().slice(0, 8);
  let counter = 0;

  const bump = (scope: string) => {
    generations.delete(scope);
    generations.set(scope, ++counter);
    if (generations.size <= MAX_ENTRIES) return;
    // whoever is forgotten would be at 0 again: all are a new generation instead
    generations.clear();
    generations.set(EVERYBODY, ++counter);
  };
  const isMarked = (scope: string) => {
    const standing = markers.get(scope);
    if (!standing) return false;
    for (const [id, until] of standing) if (until <= clock()) standing.delete(id);
    if (standing.size === 0) markers.delete(scope);
    return standing.size > 0;
  };
  const generationOf = (scope: string): string | null =>
    isMarked(scope) || isMarked(EVERYBODY)
      ? null
      : `${own}.${generations.get(scope) ?? 0}.${generations.get(EVERYBODY) ?? 0}`;
  const keyOf = (scope: string, name: string) => `${scope} ${name}`;

  return {
    async look(scope, name) {
      const key = keyOf(scope, name);
      const entry = entries.get(key);
      entries.delete(key);
      const isAlive = entry !== undefined && entry.until > clock();
      if (isAlive) entries.set(key, entry);
      return { generation: generationOf(scope), entry: isAlive ? entry : null, isMaker: true };
    },
    async fill(scope, name, generation, text, ttlMs) {
      if (generationOf(scope) !== generation) return;
      entries.set(keyOf(scope, name), { generation, text, until: clock() + ttlMs });
      const [oldest] = entries.keys();
      if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
    },
    async release() {},
    async remove(scope, name) {
      entries.delete(keyOf(scope, name));
    },
    async begin(scopes, id, markerMs) {
      for (const scope of scopes) {
        bump(scope);
        const standing = markers.get(scope) ?? new Map<string, number>();
        markers.set(scope, standing.set(id, clock() + markerMs));
      }
    },
    async end(scopes, id) {
      for (const scope of scopes) if (!markers.get(scope)?.delete(id)) bump(scope);
    },
  };
}
