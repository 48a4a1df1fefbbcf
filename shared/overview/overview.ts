/**
 * What a user is shown first, from both databases. Money comes from Postgres alone and is never guessed: when the ledger does
 * not answer, there is no answer. What else is away is named in `degraded` and null, and such an answer is not remembered. One with
 * money that is held is, until that is free again.
 */
import { err, ok, type Result } from "neverthrow";
import { type Cache, cacheOf } from "../cache/cache.ts";
import { collections, mongoCollections, sharedCollections } from "../collections/index.ts";
import type { RepositoryError } from "../contract/errors.ts";
import { DEFAULT_SORT, type Filter } from "../contract/query.ts";
import type { SummaryGroup } from "../contract/repository.ts";
import { balancesOf } from "../ledger/balances.ts";
import type { LedgerAccount, LedgerTransfer } from "../ledger/shapes.ts";
import type { Router } from "../placement/router.ts";
import type { RequestUser } from "../placement/service.ts";
import { type Preferences, readPreferences } from "./preferences.ts";

type OverviewRouter = Pick<Router, "repository" | "control" | "getUsage">;
type Part = "profile" | "preferences" | "spending" | "home";

export interface Me {
  id: string;
  profile: { name: string; image_url: string | null } | null;
  balances: LedgerAccount[];
  preferences: Preferences | null;
  /** what could not be read, and is null for that reason */
  degraded: Part[];
  /** when its reading was begun, ISO 8601 */
  as_of: string;
}

export interface Dashboard extends Me {
  /** the newest first, at most 10 */
  transfers: LedgerTransfer[];
  /** expenses of this calendar month (UTC) by currency, as decimal strings */
  spending: { currency: string; sum: string; count: number }[] | null;
  home: { database: string | null; records: number; bytes: number } | null;
}

export interface OverviewOptions {
  router: OverviewRouter;
  cache: Cache;
  /** milliseconds since 1970 */
  clock: () => number;
}

/** What the user keeps for so long, if nothing is written for them through the API. */
const TTL_SECONDS = 300;
const TRANSFERS = 10;
/** Postgres says when a hold is over, and this instance how late it is. */
const CLOCKS_DIFFER_SECONDS = 60;

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface Overview {
  /** Profile, balances and preferences. Errors: of the ledger's call. `useCache`, by default true, lets an answer of at most 300 s pass. */
  getUserById(user: RequestUser, options?: { useCache?: boolean }): Answer<Me>;
  /** The dashboard; as `getUserById`. */
  getStats(user: RequestUser, options?: { useCache?: boolean }): Answer<Dashboard>;
}

export function createOverview({ router, cache, clock }: OverviewOptions): Overview {
  const remembered =
    <T extends Me>(name: string, make: (user: RequestUser) => Answer<T>) =>
    async (user: RequestUser, { useCache = true }: { useCache?: boolean } = {}): Answer<T> => {
      if (!useCache) return make(user);
      try {
        const key = `${name} ${monthOf(clock())}`;
        const lifeOf = (answer: T) => secondsOf(answer, clock());
        // looked at twice, and what had a moment left may have none now
        const ttl = (answer: T) => Math.max(1, lifeOf(answer));
        const { value } = await cacheOf(cache, user.id)(key, () => whole(make(user), lifeOf), ttl);
        return ok(value);
      } catch (error) {
        if (error instanceof NotRemembered) return error.answer as Result<T, RepositoryError>;
        throw error;
      }
    };

  const readMe = async (user: RequestUser): Answer<Me> => {
    const as_of = new Date(clock()).toISOString();
    const [balances, profile, preferences] = await Promise.all([
      balancesOf(router, user.id, user),
      profileOf(router, user),
      preferencesOf(router, user),
    ]);
    return balances.map((found) => ({
      id: user.id,
      profile: profile.unwrapOr(null),
      balances: found,
      preferences: preferences.unwrapOr(null),
      degraded: [
        ...(profile.isErr() ? (["profile"] as const) : []),
        ...(preferences.isErr() ? (["preferences"] as const) : []),
      ],
      as_of,
    }));
  };

  const readDashboard = async (user: RequestUser): Answer<Dashboard> => {
    const recent = { p_user_id: user.id, p_limit: TRANSFERS, p_made_at: null, p_id: null };
    const [me, transfers, spending, usage] = await Promise.all([
      readMe(user),
      router.control<LedgerTransfer[]>("read", "ledger_read_transfers", recent, user),
      spendingOf(router, user, monthOf(clock())),
      router.getUsage(user),
    ]);
    if (me.isErr()) return err(me.error);
    if (transfers.isErr()) return err(transfers.error);
    return ok({
      ...me.value,
      transfers: transfers.value,
      spending: spending.unwrapOr(null),
      home: usage.map(({ records, bytes }) => ({ database: user.home ?? null, records, bytes })).unwrapOr(null),
      degraded: [
        ...me.value.degraded,
        ...(spending.isErr() ? (["spending"] as const) : []),
        ...(usage.isErr() ? (["home"] as const) : []),
      ],
    });
  };

  return { getUserById: remembered("me", readMe), getStats: remembered("dashboard", readDashboard) };
}

/** Ends the making of an entry, so that nothing is kept of it; everybody who waited for it gets it all the same. */
class NotRemembered extends Error {
  readonly answer: Result<Me, RepositoryError>;
  constructor(answer: Result<Me, RepositoryError>) {
    super("not remembered");
    this.answer = answer;
  }
}

async function whole<T extends Me>(making: Answer<T>, lifeOf: (answer: T) => number): Promise<T> {
  const answer = await making;
  if (answer.isErr() || answer.value.degraded.length > 0 || lifeOf(answer.value) <= 0) throw new NotRemembered(answer);
  return answer.value;
}

/** A hold ends by itself at its time, which is no write that ends an answer that is remembered: so that has to have ended before. */
function secondsOf({ balances }: Me, nowMs: number): number {
  const releases = balances.filter(isHeld).map(({ next_release_at }) => {
    const seconds = (Date.parse(next_release_at ?? "") - nowMs) / 1_000 - CLOCKS_DIFFER_SECONDS;
    // a schema that does not say when
    return Number.isNaN(seconds) ? 0 : seconds;
  });
  return Math.min(TTL_SECONDS, ...releases);
}

const isHeld = ({ pending }: LedgerAccount): boolean => /[1-9]/.test(pending);

/** `YYYY-MM`, in UTC. */
const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);

async function profileOf(router: OverviewRouter, user: RequestUser): Answer<Me["profile"]> {
  const records = await router.repository(sharedCollections.profiles, user);
  if (records.isErr()) return err(records.error);
  const page = await records.value.list({ filters: [], sort: DEFAULT_SORT, limit: 1 });
  return page.map(({ items: [found] }) => (found ? { name: found.name, image_url: found.image_url } : null));
}

async function preferencesOf(router: OverviewRouter, user: RequestUser): Answer<Preferences> {
  const records = await router.repository(mongoCollections.preferences, user);
  return records.isErr() ? err(records.error) : readPreferences(records.value);
}

async function spendingOf(router: OverviewRouter, user: RequestUser, month: string): Answer<Dashboard["spending"]> {
  const records = await router.repository(collections.expenses, user);
  if (records.isErr()) return err(records.error);
  const [year = 0, number = 0] = month.split("-").map(Number);
  const last = new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
  const filters: Filter[] = [
    { field: "date", operator: "gte", value: `${month}-01` },
    { field: "date", operator: "lte", value: last },
  ];
  const groups = await records.value.summarize({ filters });
  return groups.map((found) => found.map(spent));
}

/** Expenses have amounts, so none of them is null. */
const spent = ({ currency, sum, count }: SummaryGroup) => ({ currency: String(currency), sum: String(sum), count });
