/** What the operator asks of moves, for commands and routes alike. */
import { err, ok, type Result } from "neverthrow";
import { invalid, type RepositoryError } from "../contract/errors.ts";
import type { PlannedMove } from "../moves/balance.ts";
import type { Begun, Move, MovesControl } from "../moves/control.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

/** Users whose moves are begun with one call. */
const BATCH = 500;

export interface MoveRequest {
  /** these, or, absent, everybody at home in `allFrom` */
  users?: readonly string[] | undefined;
  allFrom?: string | undefined;
  to: string;
  reason: string;
  /** at most so many of them */
  limit?: number | undefined;
}

/** Begins moves; each is then made by whoever makes steps. `invalid_input`: there is no such database. */
export async function startMoves(control: MovesControl, request: MoveRequest): Answer<Begun[]> {
  const next = beginning(control, request);
  const begun: Begun[] = [];
  for (;;) {
    const batch = await next(BATCH);
    if (batch.isErr()) return err(batch.error);
    if (batch.value.length === 0) return ok(begun);
    begun.push(...batch.value);
  }
}

/** Begins the moves of up to so many more users with each call; of none: there are no more. Errors as of `startMoves`. */
export type Beginning = (most: number) => Answer<Begun[]>;

export function beginning(control: MovesControl, request: MoveRequest): Beginning {
  const { users, allFrom, to, reason, limit = Number.POSITIVE_INFINITY } = request;
  let count = 0;
  let after: string | null = null;
  return async (most) => {
    if ((users === undefined) === (allFrom === undefined))
      return err(invalid("invalid_input", "Name the users, or the database that all of them leave, and not both."));
    const size = Math.min(BATCH, most, limit - count);
    if (size <= 0) return ok([]);
    const batch: Result<readonly string[], RepositoryError> =
      allFrom === undefined
        ? ok((users ?? []).slice(count, count + size))
        : await control.usersAt(allFrom, after, size);
    if (batch.isErr()) return err(batch.error);
    if (batch.value.length === 0) return ok([]);
    count += batch.value.length;
    after = batch.value.at(-1) ?? null;
    return control.start(batch.value, to, reason);
  };
}

/** Moves that were planned, in the order of the plan. */
export function beginningOfPlan(control: MovesControl, moves: readonly PlannedMove[], reason: string): Beginning {
  const left = [...moves];
  return async (most) => {
    const to = left[0]?.to;
    if (to === undefined) return ok([]);
    const others = left.findIndex((move) => move.to !== to);
    const batch = left.splice(0, Math.min(BATCH, most, others < 0 ? left.length : others));
    return control.start(
      batch.map(({ user_id }) => user_id),
      to,
      reason,
    );
  };
}

/** Begins moves back to where these users came from: those whose last move left a copy that is still kept. */
export async function reverseMoves(control: MovesControl, users: readonly string[], reason: string): Answer<Begun[]> {
  const begun: Begun[] = [];
  for (const userId of users) {
    const found = await control.list({ userId, limit: 1 });
    if (found.isErr()) return err(found.error);
    const [move] = found.value;
    if (move?.state !== "kept") {
      begun.push({ user_id: userId, refused: "No copy of an earlier home is kept; move the user by: homes move" });
      continue;
    }
    const started = await control.start([userId], move.source, reason);
    if (started.isErr()) return err(started.error);
    begun.push(...started.value);
  }
  return ok(begun);
}

/** Whether somebody still has a step to make, and users wait for it. */
export const isUnderWay = ({ state }: Pick<Move, "state">): boolean =>
  state === "announced" || state === "copying" || state === "switched" || state === "aborting";
