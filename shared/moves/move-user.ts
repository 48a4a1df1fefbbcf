/**
 * The next step of one move, by whoever has the lease of its task. Every step may be repeated, and may end at any point: the
 * next claim goes on from what the control plane says. How a move goes stands in `supabase/migrations/*_moves.sql`; here is
 * what keeps it safe:
 *
 * - The switch is one transaction of the control plane, and the only point from which there is no way back. It asks for the
 *   lease, so a worker that was too slow switches nothing; and what such a worker still sends to the two databases carries
 *   its turn, which both refuse once the next worker has begun.
 * - Nothing can be written at the source between the seal and the switch, and at the target before it is opened; and it is
 *   opened only when the source says that the user has left. So there is no moment at which both take writes, or at which one
 *   answers reads that the other has gone beyond.
 * - What is compared is compared after the seal. So a pause that ran out early, by whatever clock, costs another try.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import type { Database } from "../repository/database.ts";
import type { Fence, HomeCopy } from "../repository/home-copy.ts";
import { type ClaimedMove, type MoveDetail, type MovesControl, turnOf } from "./control.ts";
import { BATCH, type Copying, copyDifferences } from "./copying.ts";
import { differencesOf, entriesOf, type Sides, sizeOf } from "./manifests.ts";
import { compareBatch, compareContents, compareSealed } from "./verifying.ts";

export interface MoveOptions {
  control: MovesControl;
  databases: ReadonlyMap<string, MovedDatabase>;
  /** parents before those that refer to them */
  collections: readonly Collection[];
  log: Log;
  /** milliseconds, of any beginning, never set back */
  clock?: () => number;
  /** told of each point that has been passed; what it throws ends the step there, as the process' death would */
  onPoint?: (point: MovePoint) => unknown;
  leaseSeconds?: number;
  /** the longest that a user's writes wait, in milliseconds */
  pauseMs?: number;
}

/** As much of a database as moves need. */
type MovedDatabase = Pick<Database, "copy"> & { system: Pick<Database["system"], "purge"> };

export const MOVE_POINTS = [
  "announced",
  "copied",
  "compared",
  "paused",
  "drained",
  "sealed",
  "verified",
  "switched",
  "left",
  "opened",
] as const;
type MovePoint = (typeof MOVE_POINTS)[number];

const LEASE_SECONDS = 30;
const PAUSE_MS = 2_000;
/** For writes that are under way when the fence is set. */
const WAIT_MS = 100;
/** So few may be left for the pause. */
const FEW = BATCH;
const MAX_PASSES = 50;
/** The first look for what came late; the next ones after twice the time, and so on. */
const SWEEP_SECONDS = 300;
/** After a pause that could not be had. */
const SOON_SECONDS = 2;
/** After anything else: a database is away, or both differ, which only the operator can mend. */
const LATER_SECONDS = 15;

class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}
/** Not now; to be tried again soon. */
class NotNow extends Error {
  override readonly name = "NotNow";
}

/** Does what can be done now. `false`: another worker has the move. Rejects with what `onPoint` throws. */
export async function stepMove(options: MoveOptions, move: ClaimedMove): Promise<boolean> {
  const { control, databases, log } = options;
  const event = { user_id: move.user_id, from: move.source, to: move.target, move: move.id };
  let run: Run | undefined;
  try {
    run = await openRun(options, move);
    return await stepOf(run);
  } catch (error) {
    if (error instanceof LeaseLost) return false;
    if (error instanceof PointError) throw error.cause;
    const reason = reasonOf(error);
    log.warn("move_waits", { ...event, state: move.state, reason });
    // writes go on meanwhile; where that cannot be said, the pause runs out, or the next claim says it
    if (run?.isPaused) await run.sides.source.setFence(move.user_id, atSource(move), WAIT_MS).catch(() => undefined);
    const dueSeconds = error instanceof NotNow ? SOON_SECONDS : LATER_SECONDS;
    const again = { dueSeconds, error: reason, ...(run && { detail: run.detail }) };
    const kept = await control.step(move, move.state, again);
    return kept.isOk() && kept.value;
  }

  async function stepOf(run: Run): Promise<boolean> {
    if (move.home === null) return endOfDeleted(run);
    switch (move.state) {
      case "announced":
        return announce(run);
      case "copying":
        return copyAndSwitch(run);
      case "switched":
        return open(run);
      case "aborting":
        return abort(run);
      case "kept":
        return keep(run);
      default:
        return run.step(move.state, null);
    }
  }

  /** What was copied meanwhile goes, in both. */
  async function endOfDeleted(run: Run): Promise<boolean> {
    for (const name of [move.source, move.target]) await databases.get(name)?.system.purge(move.user_id);
    return run.step(move.state === "kept" ? "cleaned" : "aborted", null, "the user was deleted");
  }
}

class PointError extends Error {}

interface Run extends Copying {
  options: MoveOptions;
  move: ClaimedMove;
  sides: Sides;
  clock: () => number;
  detail: MoveDetail;
  isPaused: boolean;
  step(to: ClaimedMove["state"], dueSeconds: number | null, error?: string): Promise<boolean>;
  point(point: MovePoint): Promise<void>;
}

async function openRun(options: MoveOptions, move: ClaimedMove): Promise<Run> {
  const { control, databases, clock = () => performance.now(), onPoint, leaseSeconds = LEASE_SECONDS } = options;
  const copyOf = async (name: string): Promise<HomeCopy> => {
    const database = databases.get(name);
    if (!database) throw new Error(`${name} is not configured here`);
    return database.copy();
  };
  const sides: Sides = { source: await copyOf(move.source), target: await copyOf(move.target) };
  let keptAt = clock();
  const run: Run = {
    ...{ options, move, sides, clock, ...sides, userId: move.user_id, turn: turnOf(move), isPaused: false },
    detail: { passes: move.detail.passes ?? 0, copied: move.detail.copied ?? 0 },
    async alive() {
      if (clock() - keptAt < (leaseSeconds * 1_000) / 3) return;
      if (!orThrow(await control.keep(move, leaseSeconds))) throw new LeaseLost();
      keptAt = clock();
    },
    async step(to, dueSeconds, error) {
      const detail = run.detail;
      return orThrow(await control.step(move, to, { dueSeconds, detail, ...(error !== undefined && { error }) }));
    },
    async point(point) {
      try {
        await onPoint?.(point);
      } catch (error) {
        throw new PointError(point, { cause: error });
      }
    },
  };
  return run;
}

function orThrow<T>(answer: Result<T, RepositoryError>): T {
  if (answer.isErr()) throw answer.error;
  return answer.value;
}

/** An error's own words: our own say what to do, and a driver's say the best that is known. */
const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String((error as { message?: unknown })?.message ?? error);

const atSource = (move: ClaimedMove): Fence => ({
  ...{ home: move.source, epoch: move.epoch, state: "active", turn: turnOf(move) },
});
const atTarget = (move: ClaimedMove, state: Fence["state"]): Fence => ({
  ...{ home: move.target, epoch: move.epoch + 1, state, turn: turnOf(move) },
});

/** Both homes are told, the new one first; and nothing of an earlier turn is under way in either after that. */
async function tell({ sides: { source, target }, move }: Run): Promise<void> {
  await settled(target, move, atTarget(move, "moving"));
  await settled(source, move, atSource(move));
}

/** The control plane says of another database's home that it has `passed`: there the assignment is the fence. */
async function settled(side: HomeCopy, move: ClaimedMove, fence: Fence): Promise<void> {
  const answer = await side.setFence(move.user_id, fence, WAIT_MS * 10);
  if (answer === "busy") throw new NotNow("writes are under way that do not end");
}

async function announce(run: Run): Promise<boolean> {
  const { sides, move } = run;
  await tell(run);
  await run.point("announced");
  const hearingMs = Math.max(sides.source.heardAfterMs, sides.target.heardAfterMs);
  const waitMs = hearingMs - (move.heard_ms ?? 0);
  // the first time only says since when they know
  if (hearingMs > 0 && (move.heard_ms === null || waitMs > 0))
    return run.step("announced", Math.max(0, waitMs) / 1_000);
  return run.step("copying", 0);
}

async function copyAndSwitch(run: Run): Promise<boolean> {
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
    const { copied, refused } = await copyDifferences(run, differences);
    detail.passes = (detail.passes ?? 0) + 1;
    detail.copied = (detail.copied ?? 0) + copied;
    if (copied === 0 && refused.length > 0) throw refused[0];
    if (sizeOf(differences) <= FEW / 5 && refused.length === 0) return;
  }
  throw new NotNow("the user writes faster than can be copied");
}

/** The old home says that the user has left; then the new one takes writes. */
async function open(run: Run, pausedFor?: () => number): Promise<boolean> {
  const { sides, move } = run;
  await settled(sides.source, move, atTarget(move, "active"));
  await run.point("left");
  await settled(sides.target, move, atTarget(move, "active"));
  if (pausedFor) run.detail.paused_ms = Math.round(pausedFor());
  await run.point("opened");
  return run.step("kept", SWEEP_SECONDS);
}

/** The old home is as it was; what was copied goes. */
async function abort(run: Run): Promise<boolean> {
  const { sides, move, userId, turn } = run;
  await settled(sides.source, move, atSource(move));
  await settled(sides.target, move, atSource(move));
  await sides.target.clear(userId, turn);
  return run.step("aborted", null);
}

/** What came to the old home after the switch is written down; after its time, the old copy goes. */
async function keep(run: Run): Promise<boolean> {
  const { sides, move, userId, turn } = run;
  if (move.home !== move.target || move.home_epoch !== move.epoch + 1) return run.step("superseded", null);
  await settled(sides.source, move, atTarget(move, "active"));
  const { kept_ms: leftMs, switched_ms: passedMs } = move;
  if (leftMs !== null && leftMs > 0) {
    const late = await lateIn(run);
    if (late.length > 0) run.options.log.error("moved_late", { user_id: userId, move: move.id, late: late.length });
    run.detail = { ...run.detail, late };
    return run.step("kept", Math.min(leftMs / 1_000, Math.max(SWEEP_SECONDS, (passedMs ?? 0) / 1_000)));
  }
  await sides.source.clear(userId, turn);
  return run.step("cleaned", null);
}

/** A function that was frozen before it sent a write may have sent it when it woke up. */
async function lateIn({ sides, move, userId, options }: Run): Promise<NonNullable<MoveDetail["late"]>> {
  const late: NonNullable<MoveDetail["late"]> = [];
  for (const collection of options.collections) {
    const newest = move.detail.collections?.[collection.name]?.newest ?? 0;
    for await (const { id, version } of entriesOf(sides.source, userId, collection))
      if (version > newest) late.push({ collection: collection.name, id, version });
  }
  return late;
}
