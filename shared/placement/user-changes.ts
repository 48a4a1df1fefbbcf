/**
 * What has become of users whose tokens are older than it: access that has ended, and homes that have changed. Each instance
 * keeps the list and refreshes it while requests come: in the background once it is half of `staleMs` old, awaited once it is
 * `staleMs` old, so that a banned user is refused, and a moved user's calls go to the new home, within that everywhere. A
 * refresh reads what is new; every `WHOLE_MS` the whole list is read again, which also forgets what is too old to matter.
 * Whoever has to know of what happened a moment ago asks for a list whose reading has begun since (`freshly`).
 *
 * What when it cannot be read:
 * - While Supabase is away a list that was loaded once serves on, and requests do not wait for it: refusing or delaying
 *   everyone would make its outage everybody's. What the list may lack by then is little. Accounts are banned, deleted and
 *   signed out in that same Supabase, so there is nothing new to hear of while it is away, and no new tokens are made, so that
 *   access ends by itself with the last of them (MAX_TOKEN_LIFETIME_SECONDS).
 * - An instance that has never loaded one, and cannot because Supabase is away, lets tokens pass for the same reason. It does
 *   not know of those who were banned in the hour before. To refuse its writes was the alternative: but instances come and go,
 *   and within minutes an outage of Supabase would be one for all users of all databases. (Supabase's own rows need no list:
 *   row-level security looks at the revocations themselves.)
 * - One that cannot load it although Supabase answers (a wrong key, migrations that were not applied) is not waiting for
 *   anything to come back: accounts go on being banned, and it would never hear of it. There tokens are `unknown`, and
 *   writes are refused until the operator has mended it.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { deadlinesOf } from "../deadlines.ts";
import type { Log } from "../log.ts";
import { within } from "../values/within.ts";
import type { HomeAt } from "./home-store.ts";
import { createRevocations, type PresentedToken, type RevocationReason, type RevocationRow } from "./revocations.ts";

/** Where nothing asks for less. */
const STALE_MS = 30_000;
const WHOLE_MS = 10 * 60_000;
/** After a list that could not be read, the next try. */
const RETRY_MS = 5_000;
/** Clocks of the machines differ. */
const MARGIN_SECONDS = 300;

/** `unknown`: nobody can say, and not because of an outage. */
export type Standing = "good" | "unknown" | RevocationReason;

export interface UserChanges {
  standingOf(token: PresentedToken): Promise<Standing>;
  /** The home of a user who has moved; undefined for all others. */
  movedTo(userId: string): Promise<HomeAt | undefined>;
  /** Deleted through this instance. */
  addDeleted(userId: string): void;
  /** Signed out through this instance. */
  addSignedOut(userId: string, sessionIds: readonly string[]): void;
  /** Reads what is new. False: it could not be read, or not in time, and the list that is there serves on. */
  freshly(): Promise<boolean>;
  /** Whether an instance writes past the cache; undefined: the list is older than `staleMs`, and nobody can say. */
  isCachePast(): Promise<boolean | undefined>;
}

/** From where a page goes on. */
export interface ListPosition {
  xid: string;
  id: number;
}

/** One page of the list, as the database gives it. */
export interface ChangePage {
  revocations: RevocationRow[];
  moved: { user_id: string; home: string; epoch: number }[];
  /** of a first page: an instance writes past the cache */
  past_cache?: boolean;
  next: ListPosition | null;
  /** the transaction with which the next reading begins */
  horizon: string;
}

export interface UserChangesOptions {
  /** one page of what has changed since then, behind that position */
  load: (since: Date, after: ListPosition) => Promise<Result<ChangePage, RepositoryError>>;
  /** seconds; no token lives longer */
  tokenLifetimeSeconds: number;
  /** longest wait for the list within a request */
  waitMs?: number;
  /** how old a list may be to be used */
  staleMs?: number;
  clock: () => number;
  log: Log;
}

export function createUserChanges({
  load,
  tokenLifetimeSeconds,
  waitMs = deadlinesOf().deletedUsersMs,
  staleMs = STALE_MS,
  clock,
  log,
}: UserChangesOptions): UserChanges {
  let revocations = createRevocations();
  let moved: ReadonlyMap<string, HomeAt> = new Map();
  /** deleted through this instance, until a list names them: one may have been read just before */
  const own = new Set<string>();
  /** signed out through this instance, until the whole list is read: it names them by then */
  const ownSessions = new Map<string, number>();
  let isPast = false;
  /** undefined: the whole list is to be read */
  let horizon: string | undefined;
  let wholeAt = Number.NEGATIVE_INFINITY;
  let loadedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: RepositoryError | undefined;
  let loading: Promise<void> | undefined;

  /** All pages; what they say is used once they are all there. */
  const pages = async (since: Date, from: string): Promise<Result<ChangePage, RepositoryError>> => {
    const first = await load(since, { xid: from, id: 0 });
    let last = first;
    const rows: RevocationRow[] = [];
    while (last.isOk()) {
      rows.push(...last.value.revocations);
      if (last.value.next === null) return first.map((page) => ({ ...page, revocations: rows }));
      last = await load(since, last.value.next);
    }
    return last;
  };

  const read = async () => {
    const began = clock();
    triedAt = began;
    const isWhole = horizon === undefined || began - wholeAt >= WHOLE_MS;
    const since = new Date(began - (tokenLifetimeSeconds + MARGIN_SECONDS) * 1_000);
    const found = await pages(since, isWhole ? "0" : (horizon ?? "0"));
    if (found.isErr()) {
      if (!failure) log.warn("user_changes_unknown", { reason: found.error.message });
      failure = found.error;
      return;
    }
    if (isWhole) {
      revocations = createRevocations();
      wholeAt = began;
    }
    revocations.apply(found.value.revocations);
    moved = new Map(found.value.moved.map(({ user_id, home, epoch }) => [user_id, { home, homeEpoch: epoch }]));
    // another cluster counts its transactions anew
    horizon = BigInt(found.value.horizon) < BigInt(horizon ?? 0) ? undefined : found.value.horizon;
    isPast = found.value.past_cache === true;
    for (const [id, at] of ownSessions) if (at < began) ownSessions.delete(id);
    for (const userId of own) if (revocations.isDeleted(userId)) own.delete(userId);
    // what the list leaves out came after the reading began
    loadedAt = began;
    failure = undefined;
  };
  const refresh = () => {
    loading ??= read()
      .catch((error) => log.error("user_changes_failed", { error }))
      .finally(() => {
        loading = undefined;
      });
  };
  const isPausing = () => failure !== undefined && clock() - triedAt <= RETRY_MS;
  /** Something to wait for, if the list is too old to be used. */
  const current = (): Promise<unknown> | undefined => {
    const age = clock() - loadedAt;
    if (age > staleMs / 2 && !isPausing()) refresh();
    const patience = waitMs - (clock() - triedAt);
    return age > staleMs && loading && !failure && patience > 0 ? within(patience, loading) : undefined;
  };
  /** A reading that has not begun yet. */
  let next: Promise<void> | undefined;
  const nextReading = async () => {
    await loading;
    next = undefined;
    if (!isPausing()) refresh();
    await loading;
  };
  const isUnknown = () => loadedAt === Number.NEGATIVE_INFINITY && failure !== undefined && !isOutage(failure);

  return {
    async standingOf(token) {
      const waiting = current();
      if (waiting) await waiting;
      if (own.has(token.userId)) return "deleted";
      if (token.sessionId !== undefined && ownSessions.has(token.sessionId)) return "signed_out";
      return revocations.reasonOf(token, clock()) ?? (isUnknown() ? "unknown" : "good");
    },
    async movedTo(userId) {
      const waiting = current();
      if (waiting) await waiting;
      return moved.get(userId);
    },
    addDeleted: (userId) => void own.add(userId),
    addSignedOut(userId, sessionIds) {
      const row = { user_id: userId, reason: "signed_out", not_before: null, until: null, is_lifted: false } as const;
      revocations.apply(sessionIds.map((session_id) => ({ ...row, session_id, changed_at: clock() / 1_000 })));
      for (const id of sessionIds) ownSessions.set(id, clock());
    },
    async freshly() {
      if (isPausing()) return false;
      next ??= nextReading();
      return (
        (await within(
          waitMs,
          next.then(() => true),
        )) === true && failure === undefined
      );
    },
    async isCachePast() {
      const waiting = current();
      if (waiting) await waiting;
      return clock() - loadedAt <= staleMs ? isPast : undefined;
    },
  };
}

const isOutage = ({ code }: RepositoryError): boolean => /^(unavailable|busy|throttled)$/.test(code);
