/** Where in MongoDB the rows of a collection are: what is only copied has a database of its own, what is written there its home. */
import type { Db } from "mongodb";
import { type Collection, isTwoWay } from "../definition/define.ts";

/** Both are opened when they are first needed. */
export interface MongoSide {
  /** of copies; also keeps what is known of the copying (state.ts) */
  replica: () => Db;
  /** of the records themselves */
  home: () => Db;
}

/** The database that has, or is to have, the documents of that collection. */
export const databaseOf = ({ replica, home }: MongoSide, collection: Collection): Db =>
  isTwoWay(collection) ? home() : replica();

/** Those that both databases take writes of. */
export const twoWayIn = (collections: readonly Collection[]): Collection[] => collections.filter(isTwoWay);
