/**
 * Versions: microseconds since 1970, `max(clock, previous + 1)`, rounded up so that the last three bits name the
 * site that wrote: two sites never write the same version. A safe integer until the year 2255. It is the ETag.
 */
export const SITES = { supabase: 1, mongodb: 2 } as const;
export type Site = keyof typeof SITES;

/** The next version at a site, given its clock in milliseconds and the record's previous version (0 for none). */
export function nextVersion(site: Site, nowMs: number, previous = 0): number {
  const least = Math.max(Math.ceil(nowMs * 1000), previous + 1);
  return least + ((SITES[site] - (least % 8) + 8) % 8);
}
