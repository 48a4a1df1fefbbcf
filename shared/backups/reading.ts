/** How a backup reads the records of one database, whichever engine it is. */
import type { Collection } from "../definition/define.ts";
import type { Newest } from "./manifest.ts";
import type { Line } from "./record-lines.ts";

/** Which lines; all that is left out asks for more. */
export interface Wanted {
  /** a version */
  newerThan?: number;
  /** a version, too */
  upTo?: number;
  /** by the field that the collection's scope names; not too many */
  owners?: readonly string[];
}

export interface Reading {
  /** Records and tombstones. */
  lines(collection: Collection, wanted?: Wanted): AsyncIterable<Line>;
}

export interface DatabaseSource extends Reading {
  /** Of what is read: every version up to this one is in it, but of what was brought from elsewhere with the version it had. */
  completeTo: number;
  /** Whether this record is there, in that version or a newer one, or what is left of it. */
  has(collection: Collection, record: Newest): Promise<boolean>;
  close(): Promise<void>;
}
