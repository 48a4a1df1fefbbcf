/** What one user keeps, collection after collection, wherever it is: for operators. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { Database } from "../repository/database.ts";
import type { Usage } from "../repository/quotas.ts";
import { keptIn } from "./kept-collections.ts";

export interface Holding {
  collection: string;
  database: string;
  /** living records, and their bytes as that database counts them; null: it does not say now */
  records: number | null;
  bytes: number | null;
}

type Holdings = Result<Record<string, Usage>, RepositoryError>;

export interface HoldingsOptions {
  registry: ReadonlyMap<string, Pick<Database, "name" | "holdings">>;
  collections: readonly Collection[];
  userId: string;
  /** null: they have none, and keep nothing that goes by it */
  home: string | null;
}

/** `guarded` bounds the read. A database that does not answer hides none of what the others say. */
export async function readHoldings(
  { registry, collections, userId, home }: HoldingsOptions,
  guarded: (database: string, read: () => Promise<Holdings>) => Promise<Holdings>,
): Promise<Holding[]> {
  const owned = collections.filter(({ scope, keptDays }) => scope.kind === "owner" && keptDays === null);
  const found = await Promise.all(
    [...registry.values()].map(async (database) => {
      // elsewhere there may be a copy of a home that they have left
      const here = keptIn(database.name, owned).filter(
        ({ placement }) => placement.kind !== "home" || database.name === home,
      );
      if (here.length === 0) return [];
      const holdings: Record<string, Usage> = (await guarded(database.name, () => database.holdings(userId))).unwrapOr(
        {},
      );
      return here.map(({ name }): Holding => {
        const { records = null, bytes = null } = holdings[name] ?? {};
        return { collection: name, database: database.name, records, bytes };
      });
    }),
  );
  return found.flat().sort((one, other) => (one.collection < other.collection ? -1 : 1));
}
