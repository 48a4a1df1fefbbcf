/** What the operator asks of moves, for commands and routes alike. */
import { err, ok, type Result } from "neverthrow";
import { invalid, type RepositoryError } from "../contract/errors.ts";
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
  const { users, allFrom, to, reason, limit = Number.POSITIVE_INFINITY } = request;
  if ((users === undefined) === (allFrom === undefined))
    return err(invalid("invalid_input", "Name the users, or the database that all of them leave, and not both."));
  const begun: Begun[] = [];
  for (let after: string | null = null; begun.length < limit; ) {
    const size = Math.min(BATCH, limit - begun.length);
    const batch: Result<readonly string[], RepositoryError> =
      allFrom === undefined
        ? ok((users ?? []).slice(begun.length, begun.length + size))
        : await control.usersAt(allFrom, after, size);
    if (batch.isErr()) return err(batch.error);
    if (batch.value.length === 0) break;
    const started = await control.start(batch.value, to, reason);
    if (started.isErr()) return err(started.error);
    begun.push(...started.value);
    after = batch.value.at(-1) ?? null;
  }
  return ok(begun);
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
