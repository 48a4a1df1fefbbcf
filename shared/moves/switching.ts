/** The part of a move that users notice, and what leads to it: copies, the pause, the seal, the switch. */
import type { Collection } from "../definition/define.ts";
import type { Digest } from "../repository/home-copy.ts";
import { within } from "../values/within.ts";
import { catchUp, copyAndCompare, type Since } from "./catching-up.ts";
import { BATCH, type Copied, copyDifferences } from "./copying.ts";
import { isNews, SWEEP_SECONDS, seeToLateAtTarget } from "./keeping.ts";
import { expectNoneLate } from "./late.ts";
import { differencesOf, sizeOf } from "./manifests.ts";
import { atSource, atTarget, NotNow, orThrow, type Run, settled, tell, WAIT_MS } from "./run.ts";
import { compareContents, compareSealed, nameDifference } from "./verifying.ts";

const PAUSE_MS = 2_000;
/** So few may be left for the pause. */
const FEW = BATCH;
const MAX_PASSES = 50;
/** What is written in the time that comparing everything takes. */
const MANY = 20 * FEW;
const NO_PLACE = "the new home has no place: raise its capacity (switchyard databases set)";

export async function copyAndSwitch(run: Run): Promise<boolean> {
  const { move, options, userId } = run;
  const { collections, control } = options;
  // writes go on, whatever an earlier turn has left
  await tell(run);
  // tried again later than a pause is: it is for the operator to make room, and nobody's writes wait for that
  if (move.has_place === false) throw new Error(NO_PLACE);
  await seeToLateAtTarget(run);
  if (isNews(run)) return run.step("copying", 0);
  const since = await copyMost(run);
  await run.point("copied");
  await compareContents(run, collections);
  await run.point("compared");
  await copyLatest(run, since);

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
  const isLate = () => new NotNow(`it would have taken longer than ${pauseMs} ms without writes`);
  const inTime = () => {
    if (run.clock() - pausedAt > pauseMs) throw isLate();
  };
  /**
   * A home that is silent, and not dead, is not waited for: the old one lifts its pause by itself, but not the seal. What is
   * still under way there is looks, and copies in this turn, which both homes refuse once the next one has begun.
   */
  const soon = async <T>(work: Promise<T>): Promise<T> => {
    const done = await within(
      Math.max(0, pauseMs - (run.clock() - pausedAt)),
      work.then((value) => ({ value })),
    );
    if (!done) throw isLate();
    return done.value;
  };
  const drainedAt = run.clock();
  noteCopied(run, await catchUp(run, since, FEW, (differences) => expectNoneLate(run, differences)));
  run.detail.last_copy_ms = Math.round(run.clock() - drainedAt);
  inTime();
  await run.point("drained");

  const sealed = await run.sides.source.setFence(userId, { ...atSource(move), state: "moving" }, WAIT_MS);
  if (sealed !== "set") throw new NotNow("the old home could not be sealed");
  await run.point("sealed");
  run.detail.collections = await soon(
    compareSealed(run, collections).then((same) => same ?? lookAtAll(run, collections)),
  );
  inTime();
  await run.point("verified");
  run.isUnsure = true;
  const answer = orThrow(await control.switch(move, run.detail));
  run.isUnsure = false;
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

/**
 * Passes over everything until few are left. What is refused, because records that belong together change meanwhile, is left
 * to the next one. What the source had for certain when the last pass began.
 */
async function copyMost(run: Run): Promise<Since> {
  const { options, userId, detail, sides } = run;
  const { collections } = options;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const known = await sides.source.digests(userId, collections);
    const since: Since = new Map(collections.map((collection) => [collection, known[collection.name]?.newest ?? 0]));
    const differences = await differencesOf(sides, userId, collections, Number.POSITIVE_INFINITY);
    if (sizeOf(differences) === 0) return since;
    expectNoneLate(run, differences);
    const { copied, refused } = await copyDifferences(run, differences);
    detail.passes = (detail.passes ?? 0) + 1;
    detail.copied = (detail.copied ?? 0) + copied;
    if (copied === 0 && refused.length > 0) throw refused[0];
    if (sizeOf(differences) <= FEW / 5 && refused.length === 0) return since;
  }
  throw new NotNow("the user writes faster than can be copied");
}

/** What has been written since, until little is left for the pause. */
async function copyLatest(run: Run, since: Since): Promise<void> {
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const { found, refused } = noteCopied(
      run,
      await catchUp(run, since, MANY, (differences) => expectNoneLate(run, differences)),
      false,
    );
    if (found <= FEW / 5 && refused.length === 0) return;
  }
  throw new NotNow("the user writes faster than can be copied");
}

/** Throws where it was too much, or where some of it was refused and `isAll` has to be there. */
function noteCopied<C extends Copied>({ detail }: Run, done: C | undefined, isAll = true): C {
  if (!done) throw new NotNow("too much was written meanwhile");
  detail.copied = (detail.copied ?? 0) + done.copied;
  if (isAll && done.refused.length > 0) throw done.refused[0];
  return done;
}

/** Both do not add up to the same, so something was not found by its version: record by record. Throws `Differs`, or `NotNow`. */
async function lookAtAll(run: Run, collections: readonly Collection[]): Promise<Record<string, Digest>> {
  const began = run.clock();
  const left = await differencesOf(run.sides, run.userId, collections, FEW + 1);
  if (sizeOf(left) > FEW) throw new NotNow("too much was written meanwhile");
  expectNoneLate(run, left);
  noteCopied(run, await copyAndCompare(run, left));
  run.detail.last_copy_ms = Math.round((run.detail.last_copy_ms ?? 0) + run.clock() - began);
  return (await compareSealed(run, collections)) ?? (await nameDifference(run, collections));
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
