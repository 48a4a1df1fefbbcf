/**
 * Versions: microseconds since 1970, `max(clock, previous + 1)`, rounded up so that the last three bits name the
 * site that wrote: two sites never write the same version. A safe integer until the year 2255. It is the ETag.
 * A site is the number of a database in `switchyard.databases`, from 1 to 7.
 */
export const MAX_SITE = 7;

/** The next version at a site, given its clock in milliseconds and the record's previous version (0 for none). */
export function nextVersion(site: number, nowMs: number, previous = 0): number {
  const least = Math.max(Math.ceil(nowMs * 1000), previous + 1);
  return least + ((site - (least % 8) + 8) % 8);
}

/** The number of the database that wrote this version. */
export const siteOf = (version: number): number => version % 8;
