/**
 * Who is signed in where, and signing out **now**. The truth is Postgres (auth.sessions, and switchyard.revocations of what has
 * ended); an instance answers by its own copy of the list, at most `staleMs` old. So that the next request is refused on every
 * instance:
 *
 * - With Redis, a sign-out leaves the session's id there before it is answered, and each request looks for its own. An instance
 *   that cannot reach Redis, or finds it started anew, reads the list in Postgres for the request that asks.
 * - Where the sign-out cannot leave it in Redis, or there is none, it is answered `staleMs` later, when no list without it is
 *   used any more. An instance that is known to be alone needs no wait.
 *
 * While Redis is away nothing is refused for that (the list decides), and nothing passes that the list refuses. While Supabase
 * is away, too, the list that is there serves on (user-changes.ts says why): whoever signs out does so in that same Supabase.
 */
import { err, ok, type Result } from "neverthrow";
import { notFound, type RepositoryError } from "../contract/errors.ts";
import type { Log } from "../log.ts";
import type { Redis } from "../redis/connection.ts";
import type { PresentedToken } from "./revocations.ts";
import type { Router } from "./router.ts";
import type { RequestCalls } from "./service.ts";

export interface Session {
  id: string;
  created_at: string;
  /** to the minute */
  used_at: string;
  address: string | null;
  user_agent: string | null;
}

/** A use of a session, to be noted. */
interface SessionUse {
  userId: string;
  sessionId: string;
  address: string | undefined;
  userAgent: string | undefined;
}

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface Sessions {
  /** The last used first. */
  list(userId: string, calls?: RequestCalls): Answer<Session[]>;
  /** Signs out of it. `not_found`: the user has no such session; one that has ended lately has ended, and is told again. */
  end(userId: string, sessionId: string, calls?: RequestCalls): Answer<void>;
  /** Signs out of all but that one. */
  endOthers(userId: string, keep: string | undefined, calls?: RequestCalls): Answer<void>;
  /** Behind the answer, and once a minute for each session at most. */
  note(use: SessionUse): void;
  /**
   * Asks Redis of a session, before it is known whether the token that names it is real: a round trip that the request need not
   * wait for alone. Nobody's list is read for it, or anybody could have that done. Undefined: Redis does not say. Never rejects.
   */
  look(sessionId: string): Promise<SignOutLook | undefined>;
  /** Whether it was signed out since the list was read. `look`: one at this session, begun after the request was here. */
  hasEnded(token: PresentedToken, look?: Promise<SignOutLook | undefined>): Promise<boolean>;
}

interface SignOutLook {
  isOut: boolean;
  /** of Redis, when it said so */
  life: string;
}

export interface SessionsOptions {
  router: Pick<Router, "control" | "changes" | "standingOf">;
  /** none: instances hear through the list alone */
  redis?: Redis | undefined;
  /** no other instance has to hear of anything */
  isAlone: boolean;
  /** how old a list may be that instances answer by */
  staleMs: number;
  /** seconds; no token lives longer */
  tokenLifetimeSeconds: number;
  clock: () => number;
  log: Log;
  waitUntil?: (work: Promise<unknown>) => void;
  wait?: (ms: number) => Promise<unknown>;
}

const NOTE_MS = 60_000;
const MAX_NOTED = 10_000;
const MARGIN_SECONDS = 300;
const keyOf = (sessionId: string) => `sw:signed-out:${sessionId}`;

export function createSessions({
  router,
  redis,
  isAlone,
  staleMs,
  tokenLifetimeSeconds,
  clock,
  log,
  waitUntil = () => {},
  wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}: SessionsOptions): Sessions {
  const noted = new Map<string, number>();
  /** of Redis, since which the list has been read: what it had forgotten by then stands in there */
  let believed: string | undefined;
  const look = async (sessionId: string): Promise<SignOutLook | undefined> => {
    try {
      return await redis?.run(async (client, life) => ({ isOut: (await client.exists(keyOf(sessionId))) === 1, life }));
    } catch {
      // it has been said (redis_away); the list knows
      return undefined;
    }
  };

  /** Until every instance refuses their tokens. */
  const tell = async (userId: string, ids: readonly string[]): Promise<void> => {
    router.changes.addSignedOut(userId, ids);
    if (isAlone || ids.length === 0) return;
    if (redis)
      try {
        await redis.run(async (client) => {
          const many = client.pipeline();
          for (const id of ids) many.set(keyOf(id), "1", "EX", tokenLifetimeSeconds + MARGIN_SECONDS);
          for (const [error] of (await many.exec()) ?? []) if (error) throw error;
        });
        return;
      } catch (error) {
        log.warn("sign_out_by_list", { error });
      }
    await wait(staleMs);
  };
  const end = async (
    userId: string,
    one: string | null,
    keep: string | null,
    calls?: RequestCalls,
  ): Answer<string[]> => {
    const parameters = { p_user_id: userId, p_session_id: one, p_keep: keep };
    const ended = await router.control<string[]>("read", "switchyard_end_sessions", parameters, calls);
    if (ended.isOk()) await tell(userId, ended.value);
    return ended;
  };

  return {
    list: (userId, calls) => router.control("read", "switchyard_list_sessions", { p_user_id: userId }, calls),
    async end(userId, sessionId, calls) {
      const ended = await end(userId, sessionId, null, calls);
      return ended.andThen((ids) => (ids.length > 0 ? ok(undefined) : err(notFound("There is no such session."))));
    },
    endOthers: async (userId, keep, calls) => (await end(userId, null, keep ?? null, calls)).map(() => undefined),

    note({ userId, sessionId, address, userAgent }) {
      const last = noted.get(sessionId) ?? Number.NEGATIVE_INFINITY;
      if (clock() - last < NOTE_MS) return;
      noted.delete(sessionId);
      noted.set(sessionId, clock());
      const [oldest] = noted.keys();
      if (noted.size > MAX_NOTED && oldest !== undefined) noted.delete(oldest);
      const use = {
        p_user_id: userId,
        p_session_id: sessionId,
        p_address: address ?? null,
        p_user_agent: userAgent ?? null,
      };
      waitUntil(router.control("read", "switchyard_session_used", use));
    },

    look,
    async hasEnded(token, begun) {
      if (!redis || token.sessionId === undefined) return false;
      const seen = await (begun ?? look(token.sessionId));
      if (seen) {
        believed ??= seen.life;
        if (seen.life === believed) return seen.isOut;
      }
      // not before the list is there: another request would take the word of a Redis that has forgotten what it lacks
      if ((await router.changes.freshly()) && seen) believed = seen.life;
      return (await router.standingOf(token)) === "signed_out";
    },
  };
}
