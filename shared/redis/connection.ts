/**
 * The way to Redis, which nothing here depends on: whoever asks it has another way, and takes that when this one throws
 * `RedisAway`. A Redis that is dead or slow costs one caller `COMMAND_MS`; then the breaker is open, calls fail at once, and
 * a look in the background, at most one each `LOOK_MS`, closes it again. Nobody waits for that look.
 *
 * A command is never sent twice, also not after a reconnect: its names may be those of the server's life before.
 */
import { setImmediate } from "node:timers";
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel";
import type { Redis as Client } from "ioredis";
import type { Log } from "../log.ts";
import { loadOnce } from "../values/load-once.ts";
import { within } from "../values/within.ts";

const COMMAND_MS = 50;
const LOOK_MS = 500;
const FIRST_MS = 500;
const FORGET_MS = 2_000;

/** Redis did not answer in time, or is known not to; what was asked may have been done. */
export class RedisAway extends Error {
  constructor(cause?: unknown) {
    super("Redis does not answer.", { cause });
    this.name = "RedisAway";
  }
}

export interface Redis {
  /**
   * Runs one command, or one script, within `COMMAND_MS`. `life` names this run of the server: a server that was started again, or
   * another that took over, may remember less than it has said, so what must not be believed then has it in its keys.
   * Rejects with `RedisAway`.
   */
  run<T>(commands: (client: Client, life: string) => Promise<T>): Promise<T>;
  /**
   * Waits for the first connection of this process, which takes longer than a command (TLS, a log-in, a machine that has just
   * started): at most `FIRST_MS`, and no more once that has been waited for. For those to whom Redis' absence costs more.
   */
  first(): Promise<void>;
  /** Whether it answers, asked now, in milliseconds; null when it does not. Also closes the breaker. */
  ping(): Promise<number | null>;
  /** True while calls fail without being sent. */
  isAway(): boolean;
  close(): Promise<void>;
}

export interface RedisOptions {
  /** `redis://` or `rediss://` */
  url: string;
  log: Log;
  clock?: () => number;
  commandMs?: number;
}

/** Connects at the first call. */
export function createRedis({ url, log, clock = Date.now, commandMs = COMMAND_MS }: RedisOptions): Redis {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 0, breaker: new ConsecutiveBreaker(1) });
  let isOut = false;
  policy.onBreak((reason) => {
    if (isOut) return;
    isOut = true;
    log.warn("redis_away", { error: "error" in reason ? reason.error : undefined });
  });
  policy.onReset(() => {
    isOut = false;
    log.info("redis_back");
  });
  let lookedAt = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  // one for each connection: what the server calls its present run, once it may be asked anything
  const nextLife = () => {
    const made = Promise.withResolvers<string>();
    // also when nobody waits for it
    made.promise.catch(() => {});
    return made;
  };
  let life = nextLife();
  // loaded where there is a Redis only: a cold start without one need not wait for it
  const open = loadOnce(async () => {
    const { Redis: Driver } = await import("ioredis");
    const client = new Driver(url, {
      protocol: 2,
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 1,
      // whoever asks waits for `commandMs` (`inTime`); what they have given up does not pile up here
      commandTimeout: Math.max(FORGET_MS, 2 * commandMs),
      // TLS and a log-in take more than a command does; who asks waits for a command's time only
      connectTimeout: 2_000,
      retryStrategy: (times) => Math.min(50 * 2 ** times, 1_000),
      connectionName: "switchyard",
    });
    // without a listener, ioredis writes to the console
    client.on("error", () => {});
    client.on("ready", async () => {
      const { resolve } = life;
      try {
        const run = /^run_id:(\w+)/m.exec(await client.info("server"))?.[1];
        if (run) resolve(run.slice(0, 12));
        else log.error("redis_unsuited", { reason: "it does not say its run_id (INFO server)" });
      } catch {
        client.disconnect(true);
      }
    });
    client.on("close", () => {
      life.reject(new Error("the connection has ended"));
      life = nextLife();
    });
    return client;
  });

  const connecting = async () => {
    const client = await open();
    if (client.status === "wait") client.connect().catch(() => {});
    return client;
  };
  /** `commands` on a connection that is there, or will be within the time. */
  const ask = async <T>(commands: (client: Client, life: string) => Promise<T>): Promise<T> => {
    const client = await connecting();
    const answer = await inTime(commandMs, (async () => ({ value: await commands(client, await life.promise) }))());
    if (answer === undefined) throw new Error(`no answer within ${commandMs} ms`);
    return answer.value;
  };
  const ping = async (): Promise<number | null> => {
    const start = performance.now();
    try {
      await policy.execute(() => ask((to) => to.ping()));
      return performance.now() - start;
    } catch {
      return null;
    }
  };
  let waitingFirst: Promise<void> | undefined;
  const waitForFirst = async () => {
    await connecting();
    const isThere = await within(FIRST_MS, life.promise).catch(() => undefined);
    if (isThere && policy.state !== CircuitState.Closed) await ping();
  };
  const look = () => {
    if (isClosed || Math.abs(clock() - lookedAt) < LOOK_MS) return;
    lookedAt = clock();
    void ping();
  };

  return {
    async run(commands) {
      if (policy.state !== CircuitState.Closed) {
        look();
        throw new RedisAway();
      }
      try {
        return await policy.execute(() => ask(commands));
      } catch (error) {
        throw new RedisAway(error);
      }
    },
    async first() {
      waitingFirst ??= waitForFirst();
      await waitingFirst;
    },
    ping,
    isAway: () => policy.state !== CircuitState.Closed,
    async close() {
      isClosed = true;
      (await open.ifAny())?.disconnect();
    },
  };
}

/**
 * What the promise gives, or undefined once the time is over. A process that was held up for longer finds its timers over
 * before it looks at its sockets: what has come by then is read first, or a busy process would take Redis for dead.
 */
function inTime<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => resolve(undefined)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
