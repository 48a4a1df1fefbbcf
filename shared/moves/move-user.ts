/**
 * The next step of one move, by whoever has the lease of its task. Every step may be repeated, and may end at any point: the
 * next claim goes on from what the control plane says. How a move goes stands in `supabase/migrations/*_moves.sql`; here is
 * what keeps it safe:
 *
 * - The switch is one transaction of the control plane, and the only point from which there is no way back. Where its answer
 *   is lost, it may come to pass as long as the lease is held: so the source stays sealed until the control plane has taken
 *   the lease back, or given it to the next worker. It asks for the lease, so a worker that was too slow switches nothing; and
 *   what such a worker still sends to the two databases carries its turn, which both refuse once the next worker has begun.
 * - Nothing can be written at the source between the seal and the switch, and at the target before it is opened; and it is
 *   opened only when the source says that the user has left. So there is no moment at which both take writes, or at which one
 *   answers reads that the other has gone beyond.
 * - What is compared is compared after the seal. So a pause that ran out early, by whatever clock, costs another try.
 *
 * Why no clock lifts a seal whose switch was asked for. The source may let writes in only once no switch can come to pass any
 * more. "Not after that instant", by the control plane's own clock, is looked at within the transaction, and the transaction
 * commits later than it looks: by as long as the server was stopped, its disk stood still, or a standby took over, in between. No
 * time-out of Postgres ends a commit that has begun. So an instant that has surely passed says nothing of the commit; only the
 * control plane does, by the lock that the switch holds. The seal could expire if the switch were the source's own: the control
 * plane reserves the place, the source's fence goes from sealed to left by compare-and-set, which any write after the expiry makes
 * fail, and the assignment follows. That was not taken. A source that dies then takes the outcome with it, and its user is at
 * home nowhere until it is back, which is why one moves away from it; where somebody is at home would be two databases' to say,
 * and tokens that are made in between name the wrong one; and whose new home is Supabase cannot write either way, if it
 * goes away at the switch. The window would be as long as now, that of one call, and would be another database's.
 */
import type { ClaimedMove } from "./control.ts";
import { isNews, keep, seeToLateAtTarget } from "./keeping.ts";
import { addLateAtTarget } from "./late.ts";
import {
  atSource,
  LeaseLost,
  type MoveOptions,
  NotNow,
  openRun,
  PointError,
  type Run,
  reasonOf,
  settled,
  tell,
  WAIT_MS,
} from "./run.ts";
import { copyAndSwitch, open } from "./switching.ts";

/** After a pause that could not be had. */
const SOON_SECONDS = 2;
/** After anything else: a database is away, or both differ, which only the operator can mend. */
const LATER_SECONDS = 15;

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
    if (run?.isPaused && !run.isUnsure) await lift(run);
    const dueSeconds = error instanceof NotNow ? SOON_SECONDS : LATER_SECONDS;
    const again = { dueSeconds, error: reason, ...(run && { detail: run.detail }) };
    const kept = await control.step(move, move.state, again);
    const isGivenBack = kept.isOk() && kept.value;
    // without the lease, a switch that is still on its way is refused; as long as it is not, nothing may be written
    if (run?.isUnsure && isGivenBack) await lift(run);
    return isGivenBack;
  }

  /** Writes go on meanwhile; where that cannot be said, the pause runs out, or the next claim says it. */
  async function lift({ sides }: Run): Promise<void> {
    await sides.source.setFence(move.user_id, atSource(move), WAIT_MS).catch(() => undefined);
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

/** The old home is as it was; what was copied goes. */
async function abort(run: Run): Promise<boolean> {
  const { sides, move, userId, turn } = run;
  await settled(sides.source, move, atSource(move));
  await settled(sides.target, move, atSource(move));
  await seeToLateAtTarget(run);
  await addLateAtTarget(run);
  if (isNews(run)) return run.step("aborting", 0);
  await sides.target.clear(userId, turn);
  return run.step("aborted", null);
}
