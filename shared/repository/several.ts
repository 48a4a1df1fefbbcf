/** Many calls of one repository: so many at once, and what is about the same record one after the other. */

/** What a pool of connections answers at once; more would only wait for each other. */
const AT_ONCE = 8;

/**
 * Runs `work` on each item and gives what it gave, in the order of the items. `keyOf` names the record that an item is
 * about, if it has one: those of one record run in turn, so that a create and an update of it are that. Rejects with what
 * `work` rejects with, once nothing runs any more.
 */
export async function inSeveral<I, T>(
  items: readonly I[],
  keyOf: (item: I) => string | undefined,
  work: (item: I, index: number) => Promise<T>,
): Promise<T[]> {
  const results = new Array<T>(items.length);
  const turns = new Map<string, number[]>();
  items.forEach((item, index) => {
    const key = keyOf(item) ?? `#${index}`;
    turns.set(key, [...(turns.get(key) ?? []), index]);
  });
  const queue = [...turns.values()];
  const run = async () => {
    for (let turn = queue.shift(); turn; turn = queue.shift())
      for (const index of turn) results[index] = await work(items[index] as I, index);
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, run));
  const failed = ended.find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
  return results;
}
