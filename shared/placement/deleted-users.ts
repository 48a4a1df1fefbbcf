/**
 * Users deleted so recently that their tokens have not expired. Each instance keeps the list and refreshes it while
 * requests come: in the background once it is `FRESH_MS` old, awaited once it is `STALE_MS` old, so that a deleted
 * user's token is refused within 60 s everywhere. While Supabase is away the old list serves on: refusing everyone
 * would make its outage MongoDB's, too.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Log } from "../log.ts";

const FRESH_MS = 20_000;
const STALE_MS = 45_000;
/** Longest wait for the list within a request. */
const WAIT_MS = 1_000;
/** No access token lives longer than Supabase's upper limit, a week; the default is an hour. */
const WINDOW_MS = 7 * 24 * 3_600_000;

export interface DeletedUsers {
  has(userId: string): Promise<boolean>;
  add(userId: string): void;
}

export interface DeletedUsersOptions {
  /** ids of the users deleted since then */
  load: (since: Date) => Promise<Result<string[], RepositoryError>>;
  clock: () => number;
  log: Log;
}

export function createDeletedUsers({ load, clock, log }: DeletedUsersOptions): DeletedUsers {
  let known: ReadonlySet<string> = new Set();
  /** deleted through this instance; the list may have been read just before */
  const own = new Set<string>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;

  const refresh = () => {
    loading ??= load(new Date(clock() - WINDOW_MS))
      .then((list) => {
        if (list.isErr()) return log.warn("deleted_users_unknown", { reason: list.error.message });
        known = new Set(list.value);
        loadedAt = clock();
      })
      .catch((error) => log.error("deleted_users_failed", { error }))
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  return {
    async has(userId) {
      const age = clock() - loadedAt;
      if (age > STALE_MS) await Promise.race([refresh(), after(WAIT_MS)]);
      else if (age > FRESH_MS) void refresh();
      return known.has(userId) || own.has(userId);
    },
    add: (userId) => void own.add(userId),
  };
}

const after = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (typeof timer === "object") timer.unref();
  });
