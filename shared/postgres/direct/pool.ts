/**
 * Connections that calls take turns on. The driver's pool, with limits of its own for the wait and for the answer: a
 * connection goes with the call that was lost on it, so that one that hangs is replaced by itself.
 */
import pg from "pg";
import { boundedClient, type ClientSettings, IDLE_MS } from "./bounded-client.ts";
import { keepsConnection, lossOr, NoAnswer, NotConnected, NotSent } from "./failures.ts";
import { createWatch } from "./watch.ts";

export interface PoolSettings extends ClientSettings {
  /** longest wait for an answer */
  stuckMs: number;
  max: number;
  onPool?: ((pool: pg.Pool) => void) | undefined;
}

type Done<T> = (error: Error | null | undefined, given?: T) => void;
type Send<T> = (client: pg.PoolClient, done: Done<T>) => void;

export interface Pool {
  /** What `send` asks on one of the connections; not sent any more once `signal` is aborted. */
  exchange<T>(send: Send<T>, signal?: AbortSignal): Promise<T>;
  close(): Promise<void>;
}

/** Connects with the first call, also after it has been closed. */
export function createPool({ stuckMs, max, onPool, ...client }: PoolSettings): Pool {
  const [waiting, working] = [createWatch(client.connectMs), createWatch(stuckMs)];
  const connected = new Set<pg.PoolClient>();
  let pool: pg.Pool | undefined;

  const make = () => {
    // without a time-out of its own, for which it would set a timer at every call
    const settings = { max, idleTimeoutMillis: IDLE_MS, allowExitOnIdle: true };
    const made = new pg.Pool({ ...settings, Client: boundedClient(client) as never });
    // what befalls an idle connection befalls nobody
    made.on("error", () => undefined);
    made.on("connect", (client) => connected.add(client));
    made.on("remove", (client) => connected.delete(client));
    onPool?.(made);
    return made;
  };

  return {
    // by callbacks: promises at each step would be felt
    exchange: <T>(send: Send<T>, signal?: AbortSignal) =>
      new Promise<T>((resolve, reject) => {
        const isWaiting = waiting.over(() => reject(new NotConnected(undefined, connected.size >= max)));
        const take: Parameters<pg.Pool["connect"]>[0] = (problem, client) => {
          const isLate = !isWaiting();
          if (!client) return reject(new NotConnected(problem, false));
          if (isLate || signal?.aborted) {
            client.release();
            // the caller has been told that it was too late: nothing may be written after that
            return reject(new NotSent(signal?.reason));
          }
          let isOver = false;
          const done: Done<T> = (error, given) => {
            // given up before
            if (isOver) return;
            isOver = true;
            isWorking();
            client.release(Boolean(error) && !keepsConnection(error));
            if (error) reject(lossOr(error));
            else resolve(given as T);
          };
          const isWorking = working.over(() => done(new NoAnswer()));
          send(client, done);
        };
        pool ??= make();
        try {
          pool.connect(take);
        } catch (error) {
          // no client can be made of this URL
          take(error as Error, undefined, () => {});
        }
      }),

    async close() {
      const ending = pool;
      pool = undefined;
      await ending?.end();
    },
  };
}
