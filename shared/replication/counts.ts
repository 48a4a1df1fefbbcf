/** What several batches have done, in one report. */

/** Numbers are added; whether it is drained is what the last says. */
export function addCounts<T extends { isDrained: boolean }>(total: T, more: T): void {
  for (const [name, value] of Object.entries(more)) {
    const key = name as keyof T;
    total[key] = (typeof value === "number" ? Number(total[key]) + value : value) as T[keyof T];
  }
}
