/** What a restore has done, by collection; bounded, however much is refused. */
import type { Outcome } from "./restore-verdict.ts";

type Counted = Exclude<Outcome["is"], "elsewhere"> | "without account";

const MOST_SAID = 100;

export interface Totals {
  readonly collections: Record<string, Partial<Record<Counted, number>>>;
  /** the first of them */
  readonly refused: readonly string[];
  refusedCount(): number;
  add(collection: string, what: Exclude<Counted, "refused">): void;
  refuse(sentence: string, collection?: string): void;
  /** in sentences */
  left(): string[];
}

export function createTotals(): Totals {
  const collections: Totals["collections"] = {};
  const refused: string[] = [];
  let refusedCount = 0;
  const count = (collection: string, what: Counted) => {
    collections[collection] ??= {};
    const own = collections[collection];
    own[what] = (own[what] ?? 0) + 1;
  };
  return {
    collections,
    refused,
    refusedCount: () => refusedCount,
    add: count,
    refuse(sentence, collection) {
      refusedCount++;
      if (refused.length < MOST_SAID) refused.push(sentence);
      if (collection !== undefined) count(collection, "refused");
    },
    left: () =>
      Object.entries(collections).flatMap(([name, counts]) =>
        counts["without account"]
          ? [`${counts["without account"]} of ${name} are of users who have no account here, and are left out.`]
          : [],
      ),
  };
}
