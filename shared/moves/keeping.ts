/** The old copy of a user who has moved: what comes to it late, and its end. */
import { isDeepStrictEqual } from "node:util";
import { forwardLate } from "./forwarding.ts";
import { addLate, lateAtSource } from "./late.ts";
import { atTarget, orThrow, type Run, settled } from "./run.ts";

/** The first look for what came late; the next ones after twice the time, and so on. */
export const SWEEP_SECONDS = 300;

/** What came to the old home after the switch is forwarded, or written down; after its time, the old copy goes. */
export async function keep(run: Run): Promise<boolean> {
  const { sides, move, userId, turn } = run;
  // at home there again; elsewhere they may be by now, too
  if (move.home === move.source) return run.step("superseded", null);
  await settled(sides.source, move, atTarget(move, "active"));
  await seeToLate(run);
  const { kept_ms: leftMs, switched_ms: passedMs } = move;
  if (leftMs !== null && leftMs > 0)
    return run.step("kept", Math.min(leftMs / 1_000, Math.max(SWEEP_SECONDS, (passedMs ?? 0) / 1_000)));
  if (isNews(run)) return run.step("kept", 0);
  await sides.source.clear(userId, turn);
  return run.step("cleaned", null);
}

/** What is known of late writes and not written down yet: it is to be, before anything of them is taken away. */
export const isNews = ({ detail, move }: Pick<Run, "detail" | "move">): boolean =>
  !isDeepStrictEqual(detail.late ?? [], move.detail.late ?? []);

/** A function that was frozen before it sent a write may have sent it when it woke up. */
async function seeToLate(run: Run): Promise<void> {
  const { move, options, sides, detail } = run;
  const home = await options.databases.get(move.home ?? "")?.copy();
  const found = await lateAtSource(run, home ?? sides.target);
  addLate(run, found);
  if (home && detail.late)
    detail.late = await forwardLate(run, { home, epoch: move.home_epoch ?? 0 }, found, detail.late);
}

/** The same for a copy that was kept at the target, to which the user is on the way back: nobody else looks at it meanwhile. */
export async function seeToLateAtTarget(run: Run): Promise<void> {
  const { move, options, sides, userId, detail } = run;
  const kept = orThrow(await options.control.list({ userId })).find(
    ({ state, source }) => state === "kept" && source === move.target,
  );
  if (!kept) return;
  const back: Run = {
    ...run,
    move: { ...move, detail: kept.detail },
    sides: { source: sides.target, target: sides.source },
  };
  const judged = new Set(
    (kept.detail.late ?? []).flatMap((late) => (late.outcome ? `${late.id} ${late.version}` : [])),
  );
  const all = await lateAtSource(back, sides.source);
  const found = all.filter(({ id, version }) => !judged.has(`${id} ${version}`));
  addLate(run, found);
  if (detail.late) detail.late = await forwardLate(back, { home: sides.source, epoch: move.epoch }, found, detail.late);
}
