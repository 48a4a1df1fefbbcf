/**
 * What a data migration is: a change to the records of one collection, in every database that has some of them. Each stands in a
 * file of its own, `data-migrations/<yyyymmddhhmmss>_<name>.ts`, whose default export this is, and `switchyard migrate up` runs
 * those that have not been run, in the order of their names. docs/data-migrations.md says how one is written.
 */
import type { Collection, CollectionOf, PatchOf, RecordOf, SystemFields } from "./define.ts";
import type { Fields, PatchFields } from "./fields.ts";

/**
 * A record as it is found: with every field of the definition as it is in the code that runs. One that the record was stored without
 * is null, although the definition may say that it always has a value.
 */
type FoundRecord<C> = {
  readonly [K in keyof RecordOf<C>]: K extends keyof SystemFields ? RecordOf<C>[K] : RecordOf<C>[K] | null;
};

/**
 * Of one record, and of nothing else: no clock, no database, no chance. It runs for every engine alike, and more than once for one
 * record. So what it makes of its own result has to be nothing: `up` of what `up` gave is null, or says the same values again.
 * That is checked of each record.
 */
type Change<C, P> = (record: FoundRecord<C>) => P | null;

/** What is wrong with a record, in words; null for nothing. */
type Look<C> = (record: FoundRecord<C>) => string | null;

export interface DataMigration<C = Collection, P = PatchOf<C>> {
  collection: C;
  /** The fields that change, with their new values; null, or none, for a record that is to stay as it is. */
  up: Change<C, P>;
  /** Takes back what `up` has done, as far as the record shows it. Without it the migration cannot be taken back. */
  down?: Change<C, P>;
  /** Looks at each record that `up` is about to change. What it finds keeps the migration from being run. */
  before?: Look<C>;
  /** Looks at every record as it is in the end, those that did not change among them. */
  after?: Look<C>;
  /** records that are read and written at once: from 1 to 1000, 200 unless told */
  batchSize?: number;
}

const DEFINED = Symbol.for("switchyard.dataMigration");
const MOST_AT_ONCE = 1_000;

/** Throws, at import, when it contradicts itself. */
export function defineDataMigration<const F extends Fields, O extends string>(
  migration: DataMigration<CollectionOf<F, O>, PatchFields<F>>,
): DataMigration<CollectionOf<F, O>, PatchFields<F>> {
  const { collection, batchSize = 1 } = migration;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > MOST_AT_ONCE)
    throw new Error(`data migration of ${collection.name}: batchSize is a number from 1 to ${MOST_AT_ONCE}`);
  for (const name of ["up", "down", "before", "after"] as const)
    if (typeof migration[name] !== "function" && (name === "up" || migration[name] !== undefined))
      throw new Error(`data migration of ${collection.name}: ${name} has to be a function`);
  return Object.assign(migration, { [DEFINED]: true });
}

/** Whether a file's export was made by `defineDataMigration`. */
export const isDataMigration = (value: unknown): value is DataMigration =>
  typeof value === "object" && value !== null && DEFINED in value;
