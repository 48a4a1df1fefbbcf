/**
 * Leads each user's calls to the database that is their home. With the token's claim that takes no look-up; a database
 * that does not answer is refused at once, and the users of the other notice nothing.
 */
import type { MongoClient } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { conflict, type RepositoryError, unavailable } from "../contract/errors.ts";
import { type DeadlineSettings, deadlinesOf } from "../deadlines.ts";
import type { Collection } from "../definition/define.ts";
import type { Log } from "../log.ts";
import { serviceClient, userClient } from "../postgres/client.ts";
import { authFailure } from "../postgres/failures.ts";
import { postgresRepositories } from "../postgres/index.ts";
import { type Assignment, createAssignments } from "./assignment.ts";
import { createAssignmentCache } from "./assignment-cache.ts";
import { type Breaker, createBreaker } from "./breaker.ts";
import { deadlineIn } from "./deadline.ts";
import { createDeletedUsers } from "./deleted-users.ts";
import { type Guard, guarded, guardRepository } from "./guarded-repository.ts";
import { createHealth, type Health } from "./health.ts";
import { createMongoHome } from "./mongo-home.ts";
import { databaseProbes } from "./probes.ts";
import type { DatabaseService, Home, RequestCalls, RequestUser } from "./service.ts";
import { type DatabaseStats, readStats } from "./stats.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface Router {
  /** `no_home` for users from before Switchyard; `unavailable` when the home cannot be found out or is not configured. */
  getDatabaseServiceForUser(user: RequestUser): Answer<DatabaseService>;
  getDatabaseService(provider: Home, user: RequestUser): DatabaseService;
  /** Cached for a minute. */
  getAssignment(userId: string, calls?: RequestCalls): Answer<Assignment | null>;
  assignToLeastUsed(userId: string): Answer<Assignment>;
  /** Within the deadline of a request, or `limitMs`, whatever hangs. */
  getDatabaseStats(options?: { limitMs?: number; onCall?: RequestCalls["onCall"] }): Promise<DatabaseStats>;
  /** Within 2 s, whatever hangs. */
  getHealth(onCall?: RequestCalls["onCall"]): Promise<Health>;
  /** True for users deleted so recently that their tokens may not have expired. */
  isDeleted(userId: string): Promise<boolean>;
  /** Deletes the account; the purge of the records is queued by the database and started here. */
  deleteUser(userId: string, calls?: RequestCalls): Answer<void>;
  clearCache(): void;
  close(): Promise<void>;
}

/** Part of what shared/config.ts reads. */
export interface RouterConfig extends DeadlineSettings {
  SUPABASE_URL: string;
  SUPABASE_SECRET_KEY: string;
  SUPABASE_PUBLISHABLE_KEY: string;
  MONGODB_URI?: string | undefined;
  MONGODB_DATABASE?: string | undefined;
}

export interface RouterOptions {
  config: RouterConfig;
  collections: readonly Collection[];
  log: Log;
  clock?: () => number;
  /** keeps the process alive for work behind the answer */
  waitUntil?: (work: Promise<unknown>) => void;
  /** told of the MongoDB client once it is made, and of one that takes its place */
  onMongoClient?: (client: MongoClient) => void;
  /** purges what is due, after a deletion; by default the edge function `purge` does. pg_cron sees to what fails */
  purge?: () => Promise<unknown>;
}

const noMongo = unavailable("These records are in MongoDB, which is not configured here: set MONGODB_URI.");
const notConfigured: Breaker = { run: async () => noMongo, isOpen: () => true, hear: () => {}, heard: () => 0 };

export function createRouter(options: RouterOptions): Router {
  const { config, collections, log, clock = Date.now, waitUntil = () => {} } = options;
  const deadlines = deadlinesOf(config);
  const timeoutMs = deadlines.callMs;
  const service = serviceClient(config, { timeoutMs });
  const assignments = createAssignments(service);
  const cache = createAssignmentCache(clock);
  const breakers = { supabase: createBreaker("supabase", log), mongodb: createBreaker("mongodb", log) };
  const purge = options.purge ?? (() => service.functions.invoke("purge"));

  const { MONGODB_URI } = config;
  const mongo =
    MONGODB_URI === undefined
      ? undefined
      : createMongoHome({
          config: { ...config, MONGODB_URI },
          collections,
          deadlines,
          onClient: options.onMongoClient,
        });

  const guardFor = (provider: Home, { signal, onCall }: RequestCalls): Guard => ({
    breaker: breakers[provider],
    signal: signal ?? deadlineIn(deadlines.requestMs),
    answers: async () => {
      const { mongodb, postgresql } = (await getHealth()).databases;
      return (provider === "mongodb" ? mongodb : postgresql)?.connected ?? false;
    },
    onCall: onCall && ((ms) => onCall(provider, ms)),
    clock,
  });

  // through the breaker: the list, too, is no reason to call a database that is known to be down
  const deleted = createDeletedUsers({
    load: (since) => guarded(guardFor("supabase", {}), () => assignments.deletedSince(since)),
    waitMs: deadlines.deletedUsersMs,
    clock,
    log,
  });
  const getHealth = createHealth({ ...databaseProbes(service, mongo?.ping), probeMs: deadlines.probeMs, clock });

  const getDatabaseService = (provider: Home, user: RequestUser): DatabaseService => {
    const guard = guardFor(provider, user);
    const { id: userId, jwt } = user;
    if (provider === "mongodb" && !mongo) guard.breaker = notConfigured;
    const open = () =>
      postgresRepositories({ client: userClient(config, jwt, { timeoutMs }), userId, signal: guard.signal });
    let opened: ReturnType<typeof open> | undefined;
    const repository = async <C extends Collection>(collection: C) => {
      // anew for each call: between two pages of an export, the client may have been replaced
      if (provider === "mongodb" && mongo) return (await mongo.repositories(userId)).repository(collection);
      opened ??= open();
      return opened.repository(collection);
    };
    return { provider, repository: (collection) => guardRepository(() => repository(collection), guard) };
  };

  const getAssignment = async (userId: string, calls: RequestCalls = {}): Answer<Assignment | null> => {
    const known = cache.get(userId);
    if (known) return ok(known);
    const found = await guarded(guardFor("supabase", calls), () => assignments.get(userId));
    if (found.isOk() && found.value) cache.set(found.value);
    return found;
  };

  return {
    getDatabaseService,
    getAssignment,
    getHealth,

    async getDatabaseServiceForUser(user) {
      let home = user.home;
      if (home === undefined) {
        const assignment = await getAssignment(user.id, user);
        if (assignment.isErr()) return err(assignment.error);
        if (!assignment.value)
          return err(
            conflict("no_home", "This account has no home database yet. The operator runs: switchyard homes assign"),
          );
        home = assignment.value.database_provider;
      }
      if (home === "mongodb" && !mongo) return err(noMongo);
      return ok(getDatabaseService(home, user));
    },

    async assignToLeastUsed(userId) {
      const assigned = await assignments.assign(userId);
      if (assigned.isOk()) cache.set(assigned.value);
      return assigned;
    },

    getDatabaseStats: (limits) =>
      readStats({
        service,
        mongo: mongo?.db,
        ping: mongo?.ping,
        collections: collections.map(({ name }) => name),
        clock,
        limitMs: deadlines.requestMs,
        ...limits,
      }),
    isDeleted: (userId) => deleted.has(userId),

    async deleteUser(userId, calls = {}) {
      const answer = await guarded(guardFor("supabase", calls), async () => {
        const { error } = await service.auth.admin.deleteUser(userId);
        // gone already: a repeated call, or somebody else was faster
        return !error || error.status === 404 ? ok(undefined) : err(authFailure(error));
      });
      if (answer.isErr()) return answer;
      deleted.add(userId);
      cache.delete(userId);
      waitUntil(purge().catch((error) => log.warn("purge_failed", { error })));
      return answer;
    },

    clearCache: () => cache.clear(),
    close: async () => mongo?.close(),
  };
}
