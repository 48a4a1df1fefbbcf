/**
 * Leads each user's calls to the databases that hold their records: what a collection's placement says, and for what is
 * kept at home, the token's claim, which takes no look-up. A database that does not answer is refused at once, and the
 * users of the others notice nothing.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import { uuidv7 } from "uuidv7";
import { conflict, type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Repository } from "../contract/repository.ts";
import { type DeadlineSettings, deadlinesOf } from "../deadlines.ts";
import { type Collection, type CreateOf, isTwoWay, type PatchOf, type RecordOf } from "../definition/define.ts";
import type { Log } from "../log.ts";
import { serviceClient } from "../postgres/client.ts";
import { authFailure } from "../postgres/failures.ts";
import { askSupabase } from "../postgres/rest-probe.ts";
import { callSystem } from "../postgres/system-call.ts";
import { createRepository } from "../repository/create-repository.ts";
import type { Engine, UnsentState } from "../repository/database.ts";
import { everyCall } from "../repository/every-call.ts";
import type { Counted } from "../repository/quotas.ts";
import type { Store } from "../repository/store.ts";
import { type Account, readAccount } from "./account.ts";
import { type Assignment, createAssignments } from "./assignment.ts";
import { createAssignmentCache } from "./assignment-cache.ts";
import { createBreakers, refusing } from "./breaker.ts";
import { CONTROL_PLANE, titleOf, variableOf } from "./database-names.ts";
import { deadlineIn } from "./deadline.ts";
import { type Guard, guarded, guardStore } from "./guarded-store.ts";
import { createHealth, type Health } from "./health.ts";
import { type Holding, readHoldings } from "./holdings.ts";
import { createHomeStore, type HomeAt } from "./home-store.ts";
import { copiedTo, REPLICA_HOLDER, sharedWith } from "./kept-collections.ts";
import { closeAll, createRegistry, type Registry, type RegistryConfig, type RegistryOptions } from "./registry.ts";
import { createReplicatedStores } from "./replicated-stores.ts";
import type { PresentedToken } from "./revocations.ts";
import type { DatabaseService, RequestCalls, RequestUser } from "./service.ts";
import { type DatabaseStats, readStats, sizesIn } from "./stats.ts";
import { createTwoWayStores } from "./two-way-stores.ts";
import { createUserChanges, type Standing, type UserChanges } from "./user-changes.ts";
import { createWakeUp, wakingStore } from "./wake-copying.ts";
import { createWriteRefusals } from "./write-refusals.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface Router {
  /** The collection's records of that user, wherever its placement keeps them. Errors: as `getDatabaseServiceForUser`. */
  repository<C extends Collection>(
    collection: C,
    user: RequestUser,
  ): Answer<Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>>;
  /** `no_home` for users from before Switchyard; `unavailable` when the home cannot be found out or is not configured. */
  getDatabaseServiceForUser(user: RequestUser): Answer<DatabaseService>;
  /** With that database for the user's home, whatever their token says; calls of one that is not configured are refused. */
  getDatabaseService(name: string, user: RequestUser): DatabaseService;
  /** What the user keeps at home, and may keep. Errors: as `getDatabaseServiceForUser`, and those of a call. */
  getUsage(user: RequestUser): Answer<Counted>;
  /** What a user who is at home there keeps in each database, for operators; never waits longer than a request may take. */
  getHoldings(userId: string, home: string | null, calls?: RequestCalls): Promise<Holding[]>;
  /** Cached for a minute. */
  getAssignment(userId: string, calls?: RequestCalls): Answer<Assignment | null>;
  assignToLeastUsed(userId: string): Answer<Assignment>;
  /** What MongoDB has taken and Supabase does not have yet, of collections that both take writes of. */
  getUnsent(calls?: RequestCalls): Answer<UnsentState[]>;
  /** Within the deadline of a request, or `limitMs`, whatever hangs. */
  getDatabaseStats(options?: { limitMs?: number; onCall?: RequestCalls["onCall"] }): Promise<DatabaseStats>;
  /** Within 2 s, whatever hangs. */
  getHealth(onCall?: RequestCalls["onCall"]): Promise<Health>;
  /** Every database that is configured, for work of the system, which looks at no breaker and sets its own bounds. */
  readonly registry: Registry;
  /** Of each database that is configured, whether its calls are refused at the moment. */
  getBreakers(): { name: string; kind: Engine; isOpen: boolean }[];
  /** The shortest answer to how the two are; of a look at most a second old. Within 2 s, whatever hangs. */
  checkDatabaseHealth(): Promise<{ mongodb: boolean; postgresql: boolean; timestamp: string }>;
  /** Whether a token that has been verified still lets its user in: bans, deletions and sign-outs end that within 30 s. */
  standingOf(token: PresentedToken): Promise<Standing>;
  /** The list behind that: to hear now, and to be told of what this instance has done. */
  readonly changes: Pick<UserChanges, "freshly" | "addSignedOut" | "isCachePast">;
  /** What Auth keeps of a user. `not_found`: there is none. */
  getAccount(userId: string, calls?: RequestCalls): Answer<Account>;
  /**
   * One of the functions of the control plane, with the secret key: the caller has seen to it that the user may. `not_found`,
   * `forbidden` and `invalid` are its own refusals. One that writes wakes whoever copies.
   */
  control<T>(does: "read" | "write", name: string, parameters: object, calls?: RequestCalls): Answer<T>;
  /** Deletes the account; the purge of the records is queued by the database and started here. */
  deleteUser(userId: string, calls?: RequestCalls): Answer<void>;
  clearCache(): void;
  close(): Promise<void>;
}

/** Part of what shared/config.ts reads. */
export interface RouterConfig extends DeadlineSettings, RegistryConfig {
  SUPABASE_SECRET_KEY: string;
  /** seconds; no token that is let in lives longer. An hour unless told */
  MAX_TOKEN_LIFETIME_SECONDS?: number | undefined;
}

export interface RouterOptions extends Pick<RegistryOptions, "onPool" | "completeUpTo" | "ageClock"> {
  config: RouterConfig;
  collections: readonly Collection[];
  log: Log;
  clock?: () => number;
  /** how old the list of ended access may be that tokens are looked at by; 30 s unless told */
  changesStaleMs?: number;
  /** keeps the process alive for work behind the answer */
  waitUntil?: (work: Promise<unknown>) => void;
  /** purges what is due, after a deletion; by default the edge function `purge` does. pg_cron sees to what fails */
  purge?: () => Promise<unknown>;
  /** copies what is marked, after writes; by default the edge function `replicate` does. pg_cron sees to what fails */
  replicate?: () => Promise<unknown>;
}

/** Of whose home a database is told; it may look at it. */
interface Claimed {
  home?: string | undefined;
  homeEpoch?: number | undefined;
}

/** Of the breaker, in logs. */
const CONTROL_REST = "supabase_rest";

export const NO_HOME = conflict(
  "no_home",
  "This account has no home database yet. The operator runs: switchyard homes assign",
);

const notConfigured = (name: string): RepositoryError =>
  unavailable(`These records are in ${titleOf(name)}, which is not configured here: set ${variableOf(name)}.`);

export function createRouter(options: RouterOptions): Router {
  const { config, collections, log, clock = Date.now, ageClock, waitUntil = () => {}, onPool, completeUpTo } = options;
  const deadlines = deadlinesOf(config);
  const service = serviceClient(config, { timeoutMs: deadlines.callMs });
  const registry = createRegistry({
    config,
    service,
    collections,
    deadlines,
    appName: "switchyard-api",
    onPool,
    clock,
    ageClock,
    completeUpTo,
  });
  const assignments = createAssignments(service);
  const cache = createAssignmentCache(clock);
  // what was written while it was away waits for somebody to copy it
  const breakerOf = createBreakers(log, () => hasCopy && wake());
  const refusals = createWriteRefusals({ report: assignments.reportRefusal, clock, log, waitUntil });
  const getHealth = createHealth({
    databases: [...registry.values()],
    rows: assignments.databases,
    refusal: (name) => refusals.of(name),
    probeMs: deadlines.probeMs,
    clock,
  });
  const purge = options.purge ?? (() => service.functions.invoke("purge"));

  const guardFor = (name: string, { signal, onCall }: RequestCalls): Guard => ({
    breaker: registry.has(name) ? breakerOf(name) : refusing(notConfigured(name)),
    signal: signal ?? deadlineIn(deadlines.requestMs),
    answers: async () => (await getHealth()).homes.find((home) => home.name === name)?.connected ?? false,
    onCall: onCall && ((ms) => onCall(name, ms, registry.get(name)?.path)),
    clock,
  });

  /**
   * For assignments, deletions and accounts. They go through REST; where users' records do not, REST that is away is no
   * reason to refuse those.
   */
  const controlGuard = (calls: RequestCalls): Guard => {
    const guard = guardFor(CONTROL_PLANE, calls);
    if (registry.get(CONTROL_PLANE)?.path !== "direct") return guard;
    const { onCall } = calls;
    return {
      ...guard,
      breaker: breakerOf(CONTROL_REST),
      answers: async () => (await askSupabase(service)).isOk(),
      onCall: onCall && ((ms) => onCall(CONTROL_PLANE, ms, "rest")),
    };
  };

  // through the breaker: the list, too, is no reason to call a database that is known to be down
  const changes = createUserChanges({
    load: (since, after) => guarded(controlGuard({}), () => assignments.changesSince(since, after)),
    tokenLifetimeSeconds: config.MAX_TOKEN_LIFETIME_SECONDS ?? 3_600,
    waitMs: deadlines.deletedUsersMs,
    ...(options.changesStaleMs !== undefined && { staleMs: options.changesStaleMs }),
    clock,
    log,
  });

  const look = async (userId: string, calls: RequestCalls): Answer<Assignment | null> => {
    const found = await guarded(controlGuard(calls), () => assignments.get(userId));
    if (found.isOk() && found.value) cache.set(found.value);
    return found;
  };
  const getAssignment = async (userId: string, calls: RequestCalls = {}): Answer<Assignment | null> => {
    const known = cache.get(userId);
    return known ? ok(known) : look(userId, calls);
  };

  /** The user's rows in one database, behind its breaker and the deadline of the request. */
  const storeAt = (name: string, user: RequestUser, at: Claimed): Store => {
    const guard = guardFor(name, user);
    const { id, scope, jwt } = user;
    // anew for each call: between two pages of an export, the client behind it may have been replaced
    const guarded = guardStore(async () => {
      const database = registry.get(name);
      if (!database) return err(notConfigured(name));
      return database.scoped({ id, scope, jwt, ...at, signal: guard.signal });
    }, guard);
    return everyCall(async (call) => {
      const answer = await call(guarded);
      refusals.notice(name, answer);
      return answer;
    });
  };

  const replicate = options.replicate ?? (() => invoke(service, "replicate"));
  const wake = createWakeUp({ call: replicate, clock, waitUntil, log });
  const copied = [...copiedTo(REPLICA_HOLDER, collections), ...sharedWith(REPLICA_HOLDER, collections)];
  const hasCopy = registry.has(REPLICA_HOLDER) && copied.length > 0;
  const replicatedStore = createReplicatedStores({ registry, guardFor, breakerOf, deadlines, clock, log });
  const twoWayStore = createTwoWayStores({
    ...{ service, controlGuard, breakerOf, replicate, deadlines, clock, log },
    storeAt: (name, user) => storeAt(name, user, { home: user.home, homeEpoch: user.homeEpoch }),
  });

  const homeStore = (first: HomeAt, user: RequestUser, claims: Claimed): Store =>
    createHomeStore({
      first,
      open: (at) => storeAt(at.home, user, at === first ? claims : at),
      look: async () => (await look(user.id, user)).andThen((found) => (found ? ok(homeOf(found)) : err(NO_HOME))),
    });

  /** `claims` is what the databases are told, where they look at it. */
  const serviceAt = (at: HomeAt, user: RequestUser, claims: Claimed = at): DatabaseService => {
    let opened: Store | undefined;
    const storeOf = (collection: Collection) => {
      const { placement } = collection;
      // without the database that comes first, Supabase has all of them
      if (placement.kind === "replicated" && isTwoWay(collection))
        return registry.has(placement.primary)
          ? wakingStore(twoWayStore(placement.primary, user), wake)
          : storeAt(CONTROL_PLANE, user, claims);
      if (placement.kind === "pinned") return storeAt(placement.database, user, claims);
      if (placement.kind === "replicated") {
        const store = replicatedStore(placement, user, (over) =>
          storeAt(placement.primary, { ...user, ...over }, claims),
        );
        return hasCopy ? wakingStore(store, wake) : store;
      }
      opened ??= homeStore(at, user, claims);
      return opened;
    };
    return {
      database: at.home,
      repository: (collection) =>
        createRepository(collection, storeOf(collection), {
          owner: user.scope ?? user.id,
          author: user.id,
          newId: uuidv7,
          collections,
        }),
    };
  };

  /** What the token says, unless the user is known to have moved since it was made. */
  const findHome = async (user: RequestUser): Answer<HomeAt> => {
    const { home, homeEpoch = 0 } = user;
    if (home !== undefined) {
      const [looked, moved] = [cache.get(user.id), await changes.movedTo(user.id)];
      const later = [...(looked ? [homeOf(looked)] : []), ...(moved ? [moved] : [])]
        .filter((at) => (at.homeEpoch ?? 0) > homeEpoch)
        .sort((a, b) => (b.homeEpoch ?? 0) - (a.homeEpoch ?? 0));
      return ok(later[0] ?? { home, homeEpoch: user.homeEpoch });
    }
    const found = await getAssignment(user.id, user);
    return found.andThen((assignment) => (assignment ? ok(homeOf(assignment)) : err(NO_HOME)));
  };

  const getDatabaseServiceForUser = async (user: RequestUser): Answer<DatabaseService> => {
    const at = await findHome(user);
    if (at.isErr()) return err(at.error);
    return registry.has(at.value.home) ? ok(serviceAt(at.value, user)) : err(notConfigured(at.value.home));
  };

  return {
    getAssignment,
    getHealth,
    getDatabaseServiceForUser,
    // whoever is not at home there, by their token, is not let in by saying so
    getDatabaseService: (name, user) =>
      serviceAt({ home: name, homeEpoch: user.homeEpoch }, user, { home: user.home, homeEpoch: user.homeEpoch }),

    async repository(collection, user) {
      const { placement } = collection;
      // nobody's home matters for what has a place of its own
      if (placement.kind !== "home") {
        const { home, homeEpoch } = user;
        return ok(serviceAt({ home: home ?? CONTROL_PLANE }, user, { home, homeEpoch }).repository(collection));
      }
      return (await getDatabaseServiceForUser(user)).map((found) => found.repository(collection));
    },

    async getUsage(user) {
      const at = await findHome(user);
      if (at.isErr()) return err(at.error);
      const database = registry.get(at.value.home);
      if (!database) return err(notConfigured(at.value.home));
      return guarded(guardFor(database.name, user), () => database.usage(user.id));
    },

    getHoldings: (userId, home, calls = {}) =>
      readHoldings({ registry, collections, userId, home }, (database, read) =>
        guarded(guardFor(database, calls), read),
      ),

    async assignToLeastUsed(userId) {
      const assigned = await assignments.assign(userId);
      if (assigned.isOk()) cache.set(assigned.value);
      return assigned;
    },

    async getUnsent(calls = {}) {
      const database = registry.get(REPLICA_HOLDER);
      const read = database?.unsent;
      return read ? guarded(guardFor(REPLICA_HOLDER, calls), read) : ok([]);
    },

    async getDatabaseStats(limits) {
      const { databases: rows, keptCopies } = assignments;
      const stats = await readStats({
        registry,
        rows,
        keptCopies,
        collections,
        clock,
        limitMs: deadlines.requestMs,
        ...limits,
      });
      const sizes = sizesIn(stats);
      if (Object.keys(sizes).length > 0) waitUntil(assignments.reportSizes(sizes));
      return stats;
    },
    async checkDatabaseHealth() {
      const { mongodb, postgresql, timestamp } = (await getHealth()).databases;
      return { mongodb: mongodb?.connected ?? false, postgresql: postgresql.connected, timestamp };
    },
    registry,
    getBreakers: () =>
      [...registry.values()].map(({ name, kind }) => ({ name, kind, isOpen: breakerOf(name).isOpen() })),
    standingOf: changes.standingOf,
    changes,

    getAccount: (userId, calls = {}) => guarded(controlGuard(calls), () => readAccount(service, userId)),

    async control<T>(does: "read" | "write", name: string, parameters: object, calls: RequestCalls = {}) {
      const answer = await guarded(controlGuard(calls), () => callSystem<T>(service, name, parameters));
      if (does === "write" && answer.isOk() && hasCopy) wake();
      return answer;
    },

    async deleteUser(userId, calls = {}) {
      const answer = await guarded(controlGuard(calls), async () => {
        const { error } = await service.auth.admin.deleteUser(userId);
        // gone already: a repeated call, or somebody else was faster
        return !error || error.status === 404 ? ok(undefined) : err(authFailure(error));
      });
      if (answer.isErr()) return answer;
      changes.addDeleted(userId);
      cache.delete(userId);
      waitUntil(purge().catch((error) => log.warn("purge_failed", { error })));
      return answer;
    },

    clearCache: () => cache.clear(),
    close: () => closeAll(registry),
  };
}

/** Rejects when the function does not succeed. */
async function invoke(service: SupabaseClient, name: string): Promise<void> {
  const { error } = await service.functions.invoke(name);
  if (error) throw error;
}

const homeOf = ({ database_provider: home, epoch }: Assignment): HomeAt => ({ home, homeEpoch: epoch });
