/**
 * Which database this is, kept in itself by `switchyard db prepare`. Versions end in the site's number, so nobody writes
 * before knowing it, also while the control plane, which gives out the numbers, is away; and an address that leads to
 * another database than its name says is found out before it does harm.
 */
import type { Db } from "mongodb";
import type { Self } from "../repository/database.ts";

/** What preparing makes of a database; code asks for a database of an earlier one to be prepared again, and goes on. */
const REVISION = 2;

/**
 * The lowest revision of the code that may use what this code has prepared. Raised with a change that earlier code would
 * break: then it is deployed everywhere first, and the database prepared after that.
 */
const OLDEST_CODE = 2;

/** Databases of an earlier revision have texts that were folded in another way, twice over (earlier-folding.ts). */
export const isFoldedEarlier = (self: KnownSelf | null): boolean => (self?.revision ?? 0) < 2;

export interface KnownSelf extends Self {
  revision: number;
  oldestCode: number;
}

/** Before databases said who they are, there was one, and this is how its versions end. */
const UNSAID: KnownSelf = { name: "mongodb", site: 2, revision: 0, oldestCode: 0 };

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
  oldest_code: number;
}

const collectionOf = (db: Db) => db.collection<Stored>(COLLECTION);

/** Null: it has never been prepared, or by a version that wrote nothing down. */
export async function readSelf(db: Db, maxTimeMs?: number): Promise<KnownSelf | null> {
  const options = maxTimeMs === undefined ? {} : { maxTimeMS: maxTimeMs };
  const found = await collectionOf(db).findOne({ _id: ID }, options);
  if (!found) return null;
  const { name, site, revision, oldest_code } = found;
  return { name, site: Number(site), revision: Number(revision), oldestCode: Number(oldest_code) };
}

/** Who a database is that is configured under that name: what it says, or what the first one was before it could say. */
export const selfOr = (found: KnownSelf | null, name: string): KnownSelf | null =>
  found ?? (name === UNSAID.name ? UNSAID : null);

/** What messages about a database say. */
export interface Named {
  name: string;
  title: string;
  /** the home with which it is prepared; itself unless told */
  preparedWith?: string | undefined;
}

/** Why it must not be used; null when it may. */
export function refusalOf(self: KnownSelf | null, { name, title, preparedWith = name }: Named): string | null {
  if (!self) return `${title} has not been prepared; run: switchyard db prepare ${preparedWith}`;
  if (self.name !== name)
    return `${title} is configured with the address of another database, which calls itself "${self.name}".`;
  if (self.oldestCode > REVISION)
    return `${title} needs code of revision ${self.oldestCode}, and this is ${REVISION}: deploy newer code`;
  return null;
}

/** What is to be done about one that may be used all the same; null when nothing is. */
export const adviceOn = ({ revision }: KnownSelf, { name, title, preparedWith = name }: Named): string | null =>
  revision < REVISION
    ? `${title} was prepared by an earlier version; run: switchyard db prepare ${preparedWith}`
    : null;

/** Whether preparing has anything to write down. */
export const isPresent = (self: KnownSelf | null): boolean =>
  self?.revision === REVISION && self.oldestCode === OLDEST_CODE;

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
  const said = { name, site, revision: REVISION, oldest_code: OLDEST_CODE };
  await collectionOf(db).replaceOne({ _id: ID }, said, { upsert: true });
}
