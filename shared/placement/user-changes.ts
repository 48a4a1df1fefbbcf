/**
 * What has become of users whose tokens are older than it: deleted, or at home somewhere else. Each instance keeps the list
 * and refreshes it while requests come: in the background once it is `FRESH_MS` old, awaited once it is `STALE_MS` old, so
 * that a deleted user's token is refused, and a moved user's calls go to the new home, within 60 s everywhere. While
 * Supabase is away the old list serves on, and requests do not wait for it: refusing or delaying everyone would make its
 * outage everybody's.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { deadlinesOf } from "../deadlines.ts";
import type { Log } from "../log.ts";
import { within } from "../values/within.ts";
import type { HomeAt } from "./home-store.ts";

const FRESH_MS = 20_000;
const STALE_MS = 45_000;
/** After a list that could not be read, the next try. */
const RETRY_MS = 5_000;
/** No access token lives longer than Supabase's upper limit, a week; the default is an hour. */
const WINDOW_MS = 7 * 24 * 3_600_000;

export interface UserChanges {
  isDeleted(userId: string): Promise<boolean>;
  /** The home of a user who has moved; undefined for all others. */
  movedTo(userId: string): Promise<HomeAt | undefined>;
  addDeleted(userId: string): void;
}

/** As the database lists them. */
export interface ChangeList {
  deleted: string[];
  moved: { user_id: string; home: string; epoch: number }[];
}

export interface UserChangesOptions {
  /** what has changed since then */
  load: (since: Date) => Promise<Result<ChangeList, RepositoryError>>;
  /** longest wait for the list within a request */
  waitMs?: number;
  clock: () => number;
  log: Log;
}

export function createUserChanges({
  load,
  waitMs = deadlinesOf().deletedUsersMs,
  clock,
  log,
}: UserChangesOptions): UserChanges {
  let deleted: ReadonlySet<string> = new Set();
  let moved: ReadonlyMap<string, HomeAt> = new Map();
  /** deleted through this instance, until a list names them: one may have been read just before */
  const own = new Set<string>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let isAway = false;
  let loading: Promise<void> | undefined;

  const read = async () => {
    triedAt = clock();
    const list = await load(new Date(clock() - WINDOW_MS));
    if (list.isErr()) {
      if (!isAway) log.warn("user_changes_unknown", { reason: list.error.message });
      isAway = true;
      return;
    }
    deleted = new Set(list.value.deleted);
    moved = new Map(list.value.moved.map(({ user_id, home, epoch }) => [user_id, { home, homeEpoch: epoch }]));
    for (const userId of own) if (deleted.has(userId)) own.delete(userId);
    // what the list leaves out came after the reading began
    loadedAt = triedAt;
    isAway = false;
  };
  const refresh = () => {
    loading ??= read()
      .catch((error) => log.error("user_changes_failed", { error }))
      .finally(() => {
        loading = undefined;
      });
  };
  /** Something to wait for, if the list is too old to be used. */
  const current = (): Promise<unknown> | undefined => {
    const age = clock() - loadedAt;
    if (age > FRESH_MS && !(isAway && clock() - triedAt <= RETRY_MS)) refresh();
    const patience = waitMs - (clock() - triedAt);
    return age > STALE_MS && loading && !isAway && patience > 0 ? within(patience, loading) : undefined;
  };

  return {
    async isDeleted(userId) {
      const waiting = current();
      if (waiting) await waiting;
      return deleted.has(userId) || own.has(userId);
    },
    async movedTo(userId) {
      const waiting = current();
      if (waiting) await waiting;
      return moved.get(userId);
    },
    addDeleted: (userId) => void own.add(userId),
  };
}
