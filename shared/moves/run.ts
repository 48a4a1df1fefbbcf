/** One step of a move under way: both homes, the lease that is kept alive, and what both are told. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import type { Database } from "../repository/database.ts";
import type { Fence, HomeCopy } from "../repository/home-copy.ts";
import { type ClaimedMove, type MoveDetail, type MovesControl, turnOf } from "./control.ts";
import type { Copying } from "./copying.ts";
import type { Sides } from "./manifests.ts";

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
/** For writes that are under way when the fence is set. */
export const WAIT_MS = 100;

export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}
/** Not now; to be tried again soon. */
export class NotNow extends Error {
  override readonly name = "NotNow";
}
export class PointError extends Error {}

export interface Run extends Copying {
  options: MoveOptions;
  move: ClaimedMove;
  sides: Sides;
  clock: () => number;
  detail: MoveDetail;
  isPaused: boolean;
  /** the switch was asked for, and its answer is not known: the pause may be lifted by the control plane's word alone */
  isUnsure: boolean;
  step(to: ClaimedMove["state"], dueSeconds: number | null, error?: string): Promise<boolean>;
  point(point: MovePoint): Promise<void>;
}

export async function openRun(options: MoveOptions, move: ClaimedMove): Promise<Run> {
  const { control, databases, clock = () => performance.now(), onPoint, leaseSeconds = LEASE_SECONDS } = options;
  const copyOf = async (name: string): Promise<HomeCopy> => {
    const database = databases.get(name);
    if (!database) throw new Error(`${name} is not configured here`);
    return database.copy();
  };
  const sides: Sides = { source: await copyOf(move.source), target: await copyOf(move.target) };
  let keptAt = clock();
  const run: Run = {
    ...{ options, move, sides, clock, ...sides, userId: move.user_id, turn: turnOf(move) },
    ...{ isPaused: false, isUnsure: false },
    detail: {
      ...{ passes: move.detail.passes ?? 0, copied: move.detail.copied ?? 0 },
      ...(move.detail.late && { late: move.detail.late }),
    },
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

export function orThrow<T>(answer: Result<T, RepositoryError>): T {
  if (answer.isErr()) throw answer.error;
  return answer.value;
}

/** An error's own words: our own say what to do, and a driver's say the best that is known. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String((error as { message?: unknown })?.message ?? error);

export const atSource = (move: ClaimedMove): Fence => ({
  ...{ home: move.source, epoch: move.epoch, state: "active", turn: turnOf(move) },
});
export const atTarget = (move: ClaimedMove, state: Fence["state"]): Fence => ({
  ...{ home: move.target, epoch: move.epoch + 1, state, turn: turnOf(move) },
});

/** Both homes are told, the new one first; and nothing of an earlier turn is under way in either after that. */
export async function tell({ sides: { source, target }, move }: Run): Promise<void> {
  await settled(target, move, atTarget(move, "moving"));
  await settled(source, move, atSource(move));
}

/** The control plane says of another database's home that it has `passed`: there the assignment is the fence. */
export async function settled(side: HomeCopy, move: ClaimedMove, fence: Fence): Promise<void> {
  const answer = await side.setFence(move.user_id, fence, WAIT_MS * 10);
  if (answer === "busy") throw new NotNow("writes are under way that do not end");
}
