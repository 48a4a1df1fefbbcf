/** Documents of a user who is not there yet: put where nothing is. What is there stays, whoever made it. */
import { type Db, type Document, MongoBulkWriteError, MongoServerError } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { conflict, invalid, type RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { stateOf } from "./states.ts";

const DUPLICATE_KEY = 11000;
/** Documents that one call sends. */
const BATCH = 1_000;

export async function bringDocuments(
  db: Db,
  documents: readonly Document[],
  { name }: Collection,
  options: { maxTimeMS: number },
): Promise<Result<void, RepositoryError>> {
  for (let from = 0; from < documents.length; from += BATCH) {
    const batch = documents.slice(from, from + BATCH);
    try {
      await db.collection(name).insertMany(batch, { ...options, ordered: false });
    } catch (error) {
      const refused = await refusalOf(error, db, batch, name, options);
      if (refused === undefined) throw error;
      if (refused.isErr()) return refused;
    }
  }
  return ok(undefined);
}

/** Undefined: it is not about the documents. */
async function refusalOf(
  error: unknown,
  db: Db,
  batch: readonly Document[],
  name: string,
  options: { maxTimeMS: number },
): Promise<Result<void, RepositoryError> | undefined> {
  if (!(error instanceof MongoBulkWriteError)) return undefined;
  const errors = [error.writeErrors].flat();
  if (errors.length === 0) return undefined;
  const other = errors.find(({ code }) => code !== DUPLICATE_KEY);
  const known = other && stateOf(other.code, other.errmsg ?? "");
  // it is the database's own trouble, which passes, be it said of each document by itself
  if (other && known && known.is !== "invalid")
    throw new MongoServerError({ message: other.errmsg ?? "", code: other.code });
  if (other) return err(invalid("invalid_input", `${name} does not take a record: ${other.errmsg}`));
  // the server's error does not always say which key it was: that of a record that is there already is no error
  const which = { _id: { $in: batch.map(({ _id }) => _id) } };
  const there = await db.collection(name).countDocuments(which, options);
  return there === batch.length
    ? ok(undefined)
    : err(conflict("duplicate", `${name} does not take two records with the same unique key.`));
}
