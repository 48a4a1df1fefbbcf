/** The old copy of a user who has moved: what comes to it late, and its end. */
import type { LateWrite } from "./control.ts";
import { forwardLate } from "./forwarding.ts";
import { entriesOf } from "./manifests.ts";
import { atTarget, type Run, settled } from "./run.ts";

/** The first look for what came late; the next ones after twice the time, and so on. */
export const SWEEP_SECONDS = 300;

/** What came to the old home after the switch is forwarded, or written down; after its time, the old copy goes. */
export async function keep(run: Run): Promise<boolean> {
  const { sides, move, userId, turn } = run;
  // at home there again; elsewhere they may be by now, too
  if (move.home === move.source) return run.step("superseded", null);
  await settled(sides.source, move, atTarget(move, "active"));
  const { kept_ms: leftMs, switched_ms: passedMs } = move;
  if (leftMs !== null && leftMs > 0) {
    const present = { home: sides.target, epoch: move.epoch + 1 };
    const known = move.detail.late ?? [];
    const late = await forwardLate(run, present, await lateIn(run), known);
    if (late.length > known.length)
      run.options.log.error("moved_late", { user_id: userId, move: move.id, late: late.length });
    run.detail = { ...run.detail, late };
    return run.step("kept", Math.min(leftMs / 1_000, Math.max(SWEEP_SECONDS, (passedMs ?? 0) / 1_000)));
  }
  await sides.source.clear(userId, turn);
  return run.step("cleaned", null);
}

/** A function that was frozen before it sent a write may have sent it when it woke up. */
async function lateIn({ sides, move, userId, options }: Run): Promise<LateWrite[]> {
  const late: LateWrite[] = [];
  for (const collection of options.collections) {
    const newest = move.detail.collections?.[collection.name]?.newest ?? 0;
    for await (const { id, version } of entriesOf(sides.source, userId, collection))
      if (version > newest) late.push({ collection: collection.name, id, version });
  }
  return late;
}
