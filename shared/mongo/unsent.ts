/**
 * What documents of two-way collections carry beside the record, because Postgres takes writes of users, too:
 *
 *   _seen             the newest version of each site that the document includes, {"2": …}: whose is newer, and what was changed
 *                     on both sides, one number does not tell
 *   _dirty            "Postgres does not have this yet": {since, due}, set by the write itself, so that no change is without it;
 *                     `due` is when it is to be sent: at once, whatever the clock of whoever sends it says, or, where Postgres
 *                     has refused it or has to wait for something, at a time of the sender's clock. Then also {attempts,
 *                     waits, error, dead}
 *   _acknowledged_at  of a tombstone that Postgres has; it expires some time after that
 */
import { type Document, Long } from "mongodb";

/** Before any clock's time. */
export const AT_ONCE = new Date(0);

/** For a new document, or one that takes the place of a tombstone. */
export const unsent = (site: number, version: number, at: Date, buried?: Document): Document => ({
  _seen: { ...buried?._seen, [site]: Long.fromNumber(version) },
  _dirty: { since: at, due: AT_ONCE },
});

/** Stages behind those of an update that sets `version`. A change revives what was given up. */
export const dirtied = (site: number, now: number): Document[] => [
  {
    $set: {
      // as a whole: a path would take the site for a place in a list where there is none yet
      _seen: { $mergeObjects: [{ $ifNull: ["$_seen", {}] }, { [site]: "$version" }] },
      // and this by an expression: an object would be merged into the one that is there, and leave it dead
      _dirty: { $mergeObjects: [{ since: { $ifNull: ["$_dirty.since", new Date(now)] }, due: AT_ONCE }] },
    },
  },
];
