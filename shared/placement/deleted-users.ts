/**
 * Users deleted so recently that their tokens have not expired. Each instance keeps the list and refreshes it while
 * requests come: in the background once it is `FRESH_MS` old, awaited once it is `STALE_MS` old, so that a deleted
 * user's token is refused within 60 s everywhere. While Supabase is away the old list serves on, and requests do not
 * wait for it: refusing or delaying everyone would make its outage MongoDB's, too.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { deadlinesOf } from "../deadlines.ts";
import type { Log } from "../log.ts";
import { within } from "../values/within.ts";

const FRESH_MS = 20_000;
const STALE_MS = 45_000;
/** After a list that could not be read, the next try. */
const RETRY_MS = 5_000;
/** No access token lives longer than Supabase's upper limit, a week; the default is an hour. */
const WINDOW_MS = 7 * 24 * 3_600_000;

export interface DeletedUsers {
  has(userId: string): Promise<boolean>;
  add(userId: string): void;
}

export interface DeletedUsersOptions {
  /** ids of the users deleted since then */
  load: (since: Date) => Promise<Result<string[], RepositoryError>>;
  /** longest wait for the list within a request */
  waitMs?: number;
  clock: () => number;
  log: Log;
}

export function createDeletedUsers({
  load,
  waitMs = deadlinesOf().deletedUsersMs,
  clock,
  log,
}: DeletedUsersOptions): DeletedUsers {
  let known: ReadonlySet<string> = new Set();
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
      if (!isAway) log.warn("deleted_users_unknown", { reason: list.error.message });
      isAway = true;
      return;
    }
    known = new Set(list.value);
    for (const userId of own) if (known.has(userId)) own.delete(userId);
    // what the list leaves out was deleted after the reading began
    loadedAt = triedAt;
    isAway = false;
  };
  const refresh = () => {
    loading ??= read()
      .catch((error) => log.error("deleted_users_failed", { error }))
      .finally(() => {
        loading = undefined;
      });
  };

  return {
    async has(userId) {
      const age = clock() - loadedAt;
      if (age > FRESH_MS && !(isAway && clock() - triedAt <= RETRY_MS)) refresh();
      const patience = waitMs - (clock() - triedAt);
      if (age > STALE_MS && loading && !isAway && patience > 0) await within(patience, loading);
      return known.has(userId) || own.has(userId);
    },
    add: (userId) => void own.add(userId),
  };
}
