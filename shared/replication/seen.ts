/**
 * Which versions a row includes: for each site, by its number, the newest of that site. With two sites that write, one
 * number cannot tell a row that is newer from one that was changed elsewhere at the same time. (A version vector: Parker et
 * al., Detection of Mutual Inconsistency in Distributed Systems, 1983.)
 */
export type Seen = Readonly<Record<string, number>>;

/** How `one` stands to `other`. A site that is missing has written nothing. */
export function relationOf(one: Seen, other: Seen): "equal" | "newer" | "older" | "concurrent" {
  let isAhead = false;
  let isBehind = false;
  for (const site of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [mine, theirs] = [one[site] ?? 0, other[site] ?? 0];
    isAhead ||= mine > theirs;
    isBehind ||= mine < theirs;
  }
  if (isAhead && isBehind) return "concurrent";
  return isAhead ? "newer" : isBehind ? "older" : "equal";
}
