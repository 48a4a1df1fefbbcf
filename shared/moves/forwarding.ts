/**
 * What came late to the home that a user has left, of somebody who was frozen before they sent it: made in the new home, where
 * nothing speaks against it, and else written down for the operator.
 *
 * Nothing speaks against it where the new home has of that record what the old one had at the switch: a version of the old
 * home's, which its number says (the last three bits name the database that wrote it), and an older one than the late write,
 * which was made of it. Then the late write goes there as it is. A record that the new home has changed since, or deleted,
 * stays as it is there.
 */
import type { Collection } from "../definition/define.ts";
import type { Copied, ForwardAnswer, HomeCopy } from "../repository/home-copy.ts";
import { siteOf } from "../values/version.ts";
import type { LateWrite } from "./control.ts";
import type { Run } from "./run.ts";

const REASONS: Readonly<Record<Exclude<ForwardAnswer, "done" | "busy" | "elsewhere">, string>> = {
  changed: "the new home has another version of it",
  taken: "another record of the new home has its unique key",
  unfit: "what it refers to is not in the new home, or something there refers to what it deletes",
};

/**
 * `known`, which has all of `found` in it, with what has become of each. What cannot be said yet, because it was written once
 * more, or the user is on the move again, stays as it is, and is found again. So does what an instance wrote whose clock is
 * behind: by its version it may be older than the switch, and then the new home may have had it, and have deleted it since.
 */
export async function forwardLate(
  run: Run,
  present: Present,
  found: readonly LateWrite[],
  known: readonly LateWrite[],
): Promise<LateWrite[]> {
  const nameOf = ({ collection, id, version }: LateWrite) => `${collection} ${id} ${version}`;
  const done = new Map(known.map((late) => [nameOf(late), late]));
  const open: Open[] = [];
  for (const collection of run.options.collections) {
    const newest = run.move.detail.collections?.[collection.name]?.newest ?? 0;
    for (const late of found) {
      if (late.collection !== collection.name || late.version <= newest) continue;
      if (done.get(nameOf(late))?.outcome !== undefined) continue;
      open.push({ collection, late, copied: await run.sides.source.read(run.userId, collection, [late.id]) });
    }
  }
  // parents before their children, and after them where they are deleted
  const living = open.filter(({ copied }) => copied.rows.length > 0);
  const deleted = open.filter(({ copied }) => copied.rows.length === 0).reverse();
  for (const one of [...living, ...deleted]) {
    const judged = await forwardOne(run.userId, present, one);
    if (judged) done.set(nameOf(judged), judged);
  }
  return [...done.values()];
}

/** Where the user is at home. */
interface Present {
  home: HomeCopy;
  epoch: number;
}
interface Open {
  collection: Collection;
  late: LateWrite;
  copied: Copied;
}

async function forwardOne(
  userId: string,
  { home, epoch }: Present,
  { collection, late, copied }: Open,
): Promise<LateWrite | undefined> {
  const { id, version } = late;
  if (versionIn(copied) !== version) return undefined;
  const expected = versionIn(await home.read(userId, collection, [id]));
  const isUnchanged = expected === null || (expected < version && siteOf(expected) === siteOf(version));
  const answer =
    isUnchanged || expected === version
      ? await home.forward({ userId, epoch, collection, copied, expected })
      : "changed";
  if (answer === "busy" || answer === "elsewhere") return undefined;
  if (answer === "done") return { ...late, outcome: "forwarded" };
  return { ...late, outcome: "conflict", present: expected, reason: REASONS[answer] };
}

const versionIn = ({ rows: [row], tombstones: [tombstone] }: Copied): number | null =>
  row ? Number(row.record.version) : (tombstone?.version ?? null);
