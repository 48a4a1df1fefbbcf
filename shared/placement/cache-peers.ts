/**
 * How an instance that cannot reach Redis tells the others that it writes past the cache: a row in Postgres, which each reads
 * with its list of users' changes. A list older than `settleMs` is not believed, so after that time everybody has heard.
 */
import { MAX_TTL_SECONDS } from "../cache/cache.ts";
import type { Peers } from "../cache/create-cache.ts";
import type { Router } from "./router.ts";

/** While it writes past the cache, an instance says so again this often. */
const AGAIN_MS = 30_000;
/** By then no entry is left that was made before the last write that was told of. */
const HOLDS_SECONDS = MAX_TTL_SECONDS + (2 * AGAIN_MS) / 1_000;

export interface CachePeersOptions {
  router: Pick<Router, "control" | "changes">;
  /** how old a list may be that instances answer by */
  settleMs: number;
  clock: () => number;
  instance?: string;
  wait?: (ms: number) => Promise<unknown>;
}

export function createCachePeers({
  router,
  settleMs,
  clock,
  instance = crypto.randomUUID(),
  wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}: CachePeersOptions): Peers {
  let said: { at: number; heard: Promise<unknown> } | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const say = async (seconds: number): Promise<boolean> => {
    const parameters = { p_instance: instance, p_seconds: seconds };
    return (await router.control("read", "switchyard_write_past_cache", parameters)).isOk();
  };
  /** One after the other: what was said last is what holds. */
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const done = turn.then(step);
    turn = done.catch(() => {});
    return done;
  };

  return {
    isTrusted: async () => said === undefined && (await router.changes.isCachePast()) === false,
    async distrust() {
      const isSaid = await inTurn(async () => {
        if (said && clock() - said.at < AGAIN_MS) return true;
        const at = clock();
        if (!(await say(HOLDS_SECONDS))) return false;
        said = { at, heard: said?.heard ?? wait(settleMs) };
        return true;
      });
      if (isSaid) await said?.heard;
      return isSaid;
    },
    trust: () =>
      inTurn(async () => {
        if (!said) return;
        if (!(await say(0))) throw new Error("Supabase does not answer.");
        said = undefined;
      }),
  };
}
