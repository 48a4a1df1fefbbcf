/** What runs have made, in Postgres: the functions of `supabase/migrations/*_imports.sql`. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "../postgres/system-call.ts";

export interface ImportRun {
  id: number;
  source: string;
  map_hash: string;
  home: string;
  state: "running" | "done" | "undoing" | "undone";
  began_at: string;
  ended_at: string | null;
  summary: Record<string, unknown>;
}

export interface BegunRun extends ImportRun {
  /** false: an earlier process has begun it, and what it has done is done */
  is_new: boolean;
}

export interface ListedRun extends ImportRun {
  /** a process works at it, or has ended less than a minute ago without saying so */
  is_held: boolean;
  /** how many users are in which state */
  users: Partial<Record<UserState, number>>;
  /** done, and not at home where the run said */
  elsewhere: number;
}

export type UserState = "claimed" | "done" | "failed" | "undoing" | "undone" | "kept";
/** What stands against taking a user in. */
export type Standing = "new" | "there" | "taken" | "deleted" | "elsewhere";
export type ClaimAnswer = Exclude<Standing, "new"> | "claimed" | "done" | "arrived" | "purging";

export interface Claimed {
  user_id: string;
  is: ClaimAnswer;
  /** of every record that is made for this user */
  version: string | null;
  /** claimed before: an earlier try may have left records */
  is_again: boolean;
}

export interface JournalUser {
  user_id: string;
  state: UserState;
  home: string;
  version: string | null;
  records: Record<string, number>;
  reason: string | null;
}

export interface Settled {
  user_id: string;
  state: UserState;
  records?: Record<string, number>;
  reason?: string;
  /** the user was not claimed: changes nothing of those who were */
  is_unclaimed?: true;
}

export interface NewRun {
  source: string;
  map: unknown;
  mapHash: string;
  home: string;
}

type Answer<T> = Promise<Result<T, RepositoryError>>;
type Addressed = { user_id: string; email: string };
export type Journal = ReturnType<typeof createJournal>;

/** A lease is for a minute (`switchyard.hold_import`). */
const RENEWED_AFTER_MS = 15_000;

/** `holder`: one id for each process. Refusals are `invalid`: another process has the run, or it is over. */
export function createJournal(client: SupabaseClient, holder: string, clock: () => number = Date.now) {
  let heldAt = Number.NEGATIVE_INFINITY;
  const call = <T>(name: string, parameters: object): Answer<T> =>
    callSystem<T>(client, `switchyard_import${name}`, parameters);
  /** one that renews the lease */
  const holding = async <T>(name: string, parameters: object): Answer<T> => {
    const asked = clock();
    const answer = await call<T>(name, { ...parameters, p_holder: holder });
    if (answer.isOk()) heldAt = Math.max(heldAt, asked);
    return answer;
  };
  const settle = (run: number, users: readonly Settled[]): Answer<void> =>
    holding("_settle", { p_run: run, p_users: users });
  return {
    /** Goes on with the run of the same source, mapping and home, if there is one. */
    begin: ({ source, map, mapHash, home }: NewRun, run?: number): Answer<BegunRun> =>
      holding("_begin", {
        ...{ p_run: run ?? null, p_source: source, p_map: map, p_map_hash: mapHash, p_home: home },
      }),
    /** Goes on with a run by taking it back. */
    beginUndo: (run: number): Answer<ImportRun> => holding("_begin", { p_run: run, p_undo: true }),
    /**
     * Before what must not be done by a process that was away for so long that another one has taken its place: asks again
     * whether the run is still this one's, unless that was said a moment ago.
     */
    hold: async (run: number): Answer<void> => (clock() - heldAt < RENEWED_AFTER_MS ? ok(undefined) : settle(run, [])),
    look: (users: readonly Addressed[]): Answer<{ user_id: string; is: Standing; run: number | null }[]> =>
      call("_look", { p_users: users }),
    claim: (run: number, users: readonly Addressed[]): Answer<Claimed[]> =>
      holding("_claim", { p_run: run, p_users: users }),
    settle,
    end: (run: number, state: ImportRun["state"], summary: object): Answer<void> =>
      holding("_end", { p_run: run, p_state: state, p_summary: summary }),
    /** Newest first. */
    list: (run?: number): Answer<ListedRun[]> => call("s", { p_run: run ?? null }),
    /** By id, behind `after`. */
    users: (run: number, states: readonly UserState[], after: string | null, limit: number): Answer<JournalUser[]> =>
      call("_users", { p_run: run, p_states: states, p_after_id: after, p_limit: limit }),
    /** Of these, those that are in that state. */
    among: (run: number, state: UserState, ids: readonly string[]): Answer<JournalUser[]> =>
      call("_users", { p_run: run, p_states: [state], p_ids: ids }),
  };
}
