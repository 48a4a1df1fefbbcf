/** The part of a move that users notice, and what leads to it: copies, the pause, the seal, the switch. */
import { BATCH, copyDifferences } from "./copying.ts";
import { SWEEP_SECONDS } from "./keeping.ts";
import { expectNoneLate } from "./late.ts";
import { differencesOf, sizeOf } from "./manifests.ts";
import { atSource, atTarget, NotNow, orThrow, type Run, settled, tell, WAIT_MS } from "./run.ts";
import { compareBatch, compareContents, compareSealed } from "./verifying.ts";

const PAUSE_MS = 2_000;
/** So few may be left for the pause. */
const FEW = BATCH;
const MAX_PASSES = 50;

export async function copyAndSwitch(run: Run): Promise<boolean> {
  const { move, options, userId } = run;
  const { collections, control } = options;
  // writes go on, whatever an earlier turn has left
  await tell(run);
  await copyMost(run);
  await run.point("copied");
  await compareContents(run, collections);
  await run.point("compared");

  const { pauseMs = PAUSE_MS } = options;
  const pausedAt = run.clock();
  run.isPaused = true;
  const paused = await run.sides.source.setFence(
    userId,
    { ...atSource(move), state: "moving", forMs: pauseMs },
    WAIT_MS,
  );
  if (paused !== "set") throw new NotNow("the user's writes were under way all the time");
  await run.point("paused");
  const inTime = () => {
    if (run.clock() - pausedAt > pauseMs)
      throw new NotNow(`it would have taken longer than ${pauseMs} ms without writes`);
  };
  const left = await differencesOf(run.sides, userId, collections, FEW + 1);
  if (sizeOf(left) > FEW) throw new NotNow("too much was written meanwhile");
  expectNoneLate(run, left);
  const { copied, refused } = await copyDifferences(run, left);
  if (refused.length > 0) throw refused[0];
  run.detail.copied = (run.detail.copied ?? 0) + copied;
  for (const { collection, living, deleted } of left)
    if (living.length + deleted.length > 0) await compareBatch(run, collection, [...living, ...deleted]);
  inTime();
  await run.point("drained");

  const sealed = await run.sides.source.setFence(userId, { ...atSource(move), state: "moving" }, WAIT_MS);
  if (sealed !== "set") throw new NotNow("the old home could not be sealed");
  await run.point("sealed");
  run.detail.collections = await compareSealed(run, collections);
  inTime();
  await run.point("verified");
  const answer = orThrow(await control.switch(move, run.detail));
  if (answer !== "switched") throw new NotNow(answer);
  run.isPaused = false;
  await run.point("switched");
  // the rest at once: writes wait for it
  move.state = "switched";
  const isDone = await open(run, () => run.clock() - pausedAt);
  options.log.info("moved", {
    user_id: userId,
    from: move.source,
    to: move.target,
    ...run.detail,
    collections: undefined,
  });
  return isDone;
}

/** Passes until few are left. What is refused, because records that belong together change meanwhile, is left to the next one. */
async function copyMost(run: Run): Promise<void> {
  const { options, userId, detail } = run;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const differences = await differencesOf(run.sides, userId, options.collections, Number.POSITIVE_INFINITY);
    if (sizeOf(differences) === 0) return;
    expectNoneLate(run, differences);
    const { copied, refused } = await copyDifferences(run, differences);
    detail.passes = (detail.passes ?? 0) + 1;
    detail.copied = (detail.copied ?? 0) + copied;
    if (copied === 0 && refused.length > 0) throw refused[0];
    if (sizeOf(differences) <= FEW / 5 && refused.length === 0) return;
  }
  throw new NotNow("the user writes faster than can be copied");
}

/** The old home says that the user has left; then the new one takes writes. */
export async function open(run: Run, pausedFor?: () => number): Promise<boolean> {
  const { sides, move } = run;
  await settled(sides.source, move, atTarget(move, "active"));
  await run.point("left");
  await settled(sides.target, move, atTarget(move, "active"));
  if (pausedFor) run.detail.paused_ms = Math.round(pausedFor());
  await run.point("opened");
  return run.step("kept", SWEEP_SECONDS);
}
