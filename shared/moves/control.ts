/** Moves as the control plane keeps them: `supabase/migrations/*_moves.sql`. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Digest } from "../repository/home-copy.ts";

export type MoveState =
  | "announced"
  | "copying"
  | "switched"
  | "kept"
  | "cleaned"
  | "aborting"
  | "aborted"
  | "superseded";

export interface Move {
  id: number;
  user_id: string;
  /** names of databases */
  source: string;
  target: string;
  /** at the source; one more at the target */
  epoch: number;
  state: MoveState;
  reason: string;
  created_at: string;
  switched_at: string | null;
  /** until when the old copy stays */
  kept_until: string | null;
  ended_at: string | null;
  detail: MoveDetail;
  last_error: string | null;
}

export interface MoveDetail {
  /** how often what differed was copied */
  passes?: number;
  /** records and tombstones that were copied */
  copied?: number;
  /** how long writes waited, in milliseconds */
  paused_ms?: number;
  /** of these, for what was written last to be copied */
  last_copy_ms?: number;
  /** by collection, as both homes had it at the switch */
  collections?: Record<string, Digest>;
  /** what came to a home that the user had left (late.ts) */
  late?: LateWrite[];
}

/** A write that came to a home which the user had left. */
export interface LateWrite {
  collection: string;
  id: string;
  version: number;
  /** what has become of it; absent: that is still to be found out */
  outcome?: "forwarded" | "conflict";
  /** of a conflict: the version in the new home, where it has one, and what stands against the late one */
  present?: number | null;
  reason?: string;
}

/** How many late writes were made in the new home, stand against what is there, or wait to be judged. */
export function countLate(late: readonly LateWrite[] = []): { forwarded: number; conflict: number; open: number } {
  const count = { forwarded: 0, conflict: 0, open: 0 };
  for (const { outcome = "open" } of late) count[outcome]++;
  return count;
}

/** A move with the lease of its task. */
export interface ClaimedMove extends Move {
  /** the number of this claim */
  attempts: number;
  /** where the user is at home now; null: they are deleted */
  home: string | null;
  home_epoch: number | null;
  /** whether the new home may take one more; absent in a schema from before */
  has_place?: boolean;
  /** since when both homes know, in milliseconds; null: they do not yet */
  heard_ms: number | null;
  /** since the switch, in milliseconds; null: there was none yet */
  switched_ms: number | null;
  /** for how much longer the old copy is kept, in milliseconds; null: it is not yet */
  kept_ms: number | null;
}

export type Begun = { user_id: string; move: number } | { user_id: string; refused: string };

type Answer<T> = Promise<Result<T, RepositoryError>>;
export type MovesControl = ReturnType<typeof createMovesControl>;

/** What of a move says who changes something in its name: larger with every claim of it, and with every later move. */
export const turnOf = ({ id, attempts }: Pick<ClaimedMove, "id" | "attempts">): number => id * 2 ** 20 + attempts;

/** `client`: with the secret key. Every call may answer `unavailable` or `busy`. */
export function createMovesControl(client: SupabaseClient) {
  return {
    /** `invalid_input`: there is no such database. */
    start: (users: readonly string[], to: string, reason: string): Answer<Begun[]> =>
      callSystem(client, "switchyard_start_moves", { p_users: users, p_to: to, p_reason: reason }),
    /** One that is due, between these databases. */
    claim: (databases: readonly string[], leaseSeconds: number): Answer<ClaimedMove | null> =>
      callSystem(client, "switchyard_claim_move", { p_databases: databases, p_lease_seconds: leaseSeconds }),
    /** False: the lease is another's by now. */
    keep: ({ id, attempts }: ClaimedMove, leaseSeconds: number): Answer<boolean> =>
      callSystem(client, "switchyard_keep_move", {
        p_move: id,
        p_attempts: attempts,
        p_lease_seconds: leaseSeconds,
      }),
    /** The step is done. `dueSeconds`: until the next one; null: there is none. False: nothing is changed, as with `keep`. */
    step: (
      { id, attempts, state }: ClaimedMove,
      to: MoveState,
      { dueSeconds, detail = {}, error }: { dueSeconds: number | null; detail?: MoveDetail; error?: string },
    ): Answer<boolean> =>
      callSystem(client, "switchyard_step_move", {
        ...{ p_move: id, p_attempts: attempts, p_from: state, p_to: to },
        ...{ p_due_seconds: dueSeconds, p_detail: detail, p_error: error ?? null },
      }),
    /** "switched", or why not. */
    switch: (move: ClaimedMove, detail: MoveDetail): Answer<string> =>
      callSystem(client, "switchyard_switch_move", {
        ...{ p_move: move.id, p_attempts: move.attempts, p_turn: turnOf(move), p_detail: detail },
      }),
    /** How many were given up. */
    abort: (users: readonly string[] | null): Answer<number> =>
      callSystem(client, "switchyard_abort_moves", { p_users: users }),
    /** How many kept copies are to be taken away now. */
    clean: (users: readonly string[] | null): Answer<number> =>
      callSystem(client, "switchyard_clean_moves", { p_users: users }),
    /** Ids of users at home there who are not being moved, behind that one. */
    usersAt: (home: string, after: string | null, limit: number): Answer<string[]> =>
      callSystem(client, "switchyard_users_at", { p_home: home, p_after_id: after, p_limit: limit }),
    /** Newest first. */
    list: ({
      userId,
      ended = false,
      before,
      limit = 100,
    }: {
      userId?: string | undefined;
      ended?: boolean;
      before?: number | undefined;
      limit?: number;
    } = {}): Answer<Move[]> =>
      callSystem(client, "switchyard_list_moves", {
        ...{ p_user_id: userId ?? null, p_ended: ended, p_before: before ?? null, p_limit: limit },
      }),
  };
}
