/** Which collections a database keeps. */
import { type Collection, isTwoWay } from "../definition/define.ts";

/** The home beside which MongoDB keeps the copies of what has its primary elsewhere. */
export const REPLICA_HOLDER = "mongodb";

/** Those of which it has the records themselves, if any user's are there. */
export const keptIn = (database: string, collections: readonly Collection[]): Collection[] =>
  collections.filter(({ placement }) => {
    if (placement.kind === "home") return true;
    return (placement.kind === "pinned" ? placement.database : placement.primary) === database;
  });

/** Those that it and Supabase keep both, and both write. */
export const sharedWith = (database: string, collections: readonly Collection[]): Collection[] =>
  keptIn(database, collections).filter(isTwoWay);

/** Those of which it has copies beside them. */
export const copiedTo = (database: string, collections: readonly Collection[]): Collection[] =>
  collections.filter(
    ({ placement }) => database === REPLICA_HOLDER && placement.kind === "replicated" && placement.primary !== database,
  );
