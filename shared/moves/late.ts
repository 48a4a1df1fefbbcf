/**
 * What has come to a home that its user had left: somebody was frozen before they sent it, and nobody looks at it any more. It
 * is written down (`MoveDetail.late`) before anything is taken away there. Clocks are apart, so a late record may carry an
 * earlier version than others of the time before; that the present home does not have it says more. What nobody can find is a
 * late change of a record that was changed at home since, by a later clock: that change has overtaken it.
 */
import type { LateWrite } from "./control.ts";
import { type Difference, differencesOf, isAhead, pairsOf, type Sides } from "./manifests.ts";
import { NotNow, type Run } from "./run.ts";

/** In the old home of a move that is done; `present`: where the user is at home now. */
export async function lateAtSource(
  { sides, move, userId, options }: Run,
  present: Sides["source"],
): Promise<LateWrite[]> {
  const late: LateWrite[] = [];
  for (const collection of options.collections) {
    const { name } = collection;
    const newest = move.detail.collections?.[name]?.newest ?? 0;
    for await (const pair of pairsOf({ source: present, target: sides.source }, userId, collection)) {
      const { id, target } = pair;
      if (target && (target.version > newest || isAhead(pair)))
        late.push({ collection: name, id, version: target.version });
    }
  }
  return late;
}

/** Adds what is not known yet to what will be written down with the next step. True: there was something. */
export function addLate({ detail, move, options }: Run, found: readonly LateWrite[]): boolean {
  const known = new Set((detail.late ?? []).map(({ id, version }) => `${id} ${version}`));
  const added = found.filter(({ id, version }) => !known.has(`${id} ${version}`));
  if (added.length === 0) return false;
  detail.late = [...(detail.late ?? []), ...added];
  options.log.error("moved_late", { user_id: move.user_id, move: move.id, late: added.length });
  return true;
}

/** Of a target to which the user comes back, before it is made equal to the source. Throws `NotNow`: it is to be kept first. */
export function expectNoneLate(run: Run, differences: readonly Difference[]): void {
  if (addLate(run, lateOf(differences)))
    throw new NotNow("what came late to the new home is written down before it is taken away");
}

/** Of a target that is given up. */
export async function addLateAtTarget(run: Run): Promise<void> {
  const { sides, userId, options } = run;
  addLate(run, lateOf(await differencesOf(sides, userId, options.collections, Number.POSITIVE_INFINITY)));
}

const lateOf = (differences: readonly Difference[]): LateWrite[] =>
  differences.flatMap(({ collection, ahead }) =>
    ahead.map(({ id, version }) => ({ collection: collection.name, id, version })),
  );
