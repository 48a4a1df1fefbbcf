/**
 * Which database this is, kept in itself by `switchyard db prepare`. Versions end in the site's number, so nobody writes
 * before knowing it, also while the control plane, which gives out the numbers, is away; and an address that leads to
 * another database than its name says is found out before it does harm.
 */
import type { Db } from "mongodb";
import type { Self } from "../repository/database.ts";

/** What the documents look like. Code that finds a higher one is too old for the database; a lower one is to be prepared again. */
export const MONGO_REVISION = 1;

export interface KnownSelf extends Self {
  revision: number;
}

/** The database has another name than the one under which it is configured. */
class OtherDatabase extends Error {
  override name = "OtherDatabase";
}

const COLLECTION = "switchyard";
const ID = "self";

interface Stored {
  _id: string;
  name: string;
  site: number;
  revision: number;
}

const collectionOf = (db: Db) => db.collection<Stored>(COLLECTION);

/** Null: it has never been prepared, or by a version that wrote nothing down. */
export async function readSelf(db: Db, maxTimeMs?: number): Promise<KnownSelf | null> {
  const options = maxTimeMs === undefined ? {} : { maxTimeMS: maxTimeMs };
  const found = await collectionOf(db).findOne({ _id: ID }, options);
  return found && { name: found.name, site: Number(found.site), revision: Number(found.revision) };
}

/** What it says of itself. Throws `OtherDatabase` when it says that it is another one. */
export async function refuseOther(db: Db, { name, site }: Self): Promise<KnownSelf | null> {
  const found = await readSelf(db);
  if (found && (found.name !== name || found.site !== site))
    throw new OtherDatabase(
      `This is the database "${found.name}" (site ${found.site}), not "${name}" (site ${site}): look at the URL under which ${name} is configured.`,
    );
  return found;
}

export async function writeSelf(db: Db, { name, site }: Self): Promise<void> {
  // in the order of their names, which is that in which mongod adds fields; others take them as they come
  const fields = { name, revision: MONGO_REVISION, site };
  await collectionOf(db).updateOne({ _id: ID }, { $set: fields }, { upsert: true });
}
