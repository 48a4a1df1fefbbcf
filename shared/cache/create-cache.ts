/**
 * The cache over a shelf. What holds when the shelf (Redis) goes away, also in the middle of a write:
 *
 * - A reader that cannot reach it makes its answer anew. That costs `COMMAND_MS` once (redis/connection.ts), then nothing.
 * - A **writer** that cannot say that it writes, or that it has written, could leave an old answer to readers that still reach
 *   Redis: no word in Redis can prevent that. So it tells the other instances by another way, `Peers` (a row in Postgres that
 *   they read every second): the cache is not to be trusted until I say otherwise. The write itself goes on at once; it is
 *   answered `Peers.settleMs` after that word, when nobody who has not heard it trusts the cache any more. That wait comes once
 *   in an outage; while the word stands, writes cost nothing. When Redis is back, everybody gets a new generation first, and
 *   only then is the word taken back. It ends by itself after the longest life of an entry, so a writer that dies costs others
 *   their cache for a while and nothing else.
 * - Where neither Redis nor Postgres can be reached by the writer, while others reach both, there is no way to tell them: its
 *   writes to MongoDB show in cached answers of those others within the time to live. (What is in Postgres it cannot write.)
 */
import { type Cache, type Cached, type CacheStats, checked, EVERYBODY, type Ttl } from "./cache.ts";
import type { Look, Shelf } from "./shelf.ts";

/** Longest wait for what another process makes, and how often it is looked for. */
const LEASE_MS = 5_000;
const LOOK_MS = 20;
/** Entries of one moment are not all to end in one moment. */
const JITTER = 0.1;

/** How instances hear of one another without Redis. */
export interface Peers {
  /** True unless somebody may be writing past the cache; then, or when it cannot be known, the cache is nobody's answer. */
  isTrusted(): Promise<boolean>;
  /** Tells all that this instance writes past the cache, and waits until all have heard. False: they could not be told. */
  distrust(): Promise<boolean>;
  /** Takes it back; rejects when that cannot be said. */
  trust(): Promise<void>;
}

export interface CacheOptions {
  shelf: Shelf;
  kind: "memory" | "redis";
  /** none: there is one instance */
  peers?: Peers;
  /** longer than a write can take to happen, also one that is not waited for any more */
  markerMs?: number;
  /** how often an instance that has written past the shelf tries to get back to it */
  renewMs?: number;
  clock?: () => number;
  random?: () => number;
  newId?: () => string;
  wait?: (ms: number) => Promise<unknown>;
}

export function createCache({
  shelf,
  kind,
  peers,
  markerMs = 30_000,
  renewMs = 1_000,
  clock = Date.now,
  random = Math.random,
  newId = () => crypto.randomUUID(),
  wait = pause,
}: CacheOptions): Cache {
  const stats: CacheStats = { kind, hits: 0, misses: 0, bypassed: 0 };
  /** what is being made here, by key and generation: whoever finds that generation came after its beginning */
  const making = new Map<string, Promise<Cached<unknown>>>();
  /** writes that the shelf does not know of: whether there have been any, how many go on, and until when one may be late */
  const past = { isSo: false, count: 0, running: 0, lateUntil: 0 };
  /** markers that may stand although nobody could say so, or that they are over, by the id of their write */
  const left = new Map<string, readonly string[]>();

  /** Once the shelf can be told again: entries of before are nobody's answer, and the word to the others is taken back. */
  const renew = async () => {
    const { count } = past;
    if (past.running > 0 || clock() < past.lateUntil) return;
    const id = newId();
    left.set(id, [EVERYBODY]);
    await shelf.begin([EVERYBODY], id, markerMs);
    // the writes of all others are over; whom they bar from the cache need not wait until they end by themselves
    for (const [write, scopes] of left) {
      await shelf.end(scopes, write);
      left.delete(write);
    }
    if (past.running > 0 || past.count !== count) return;
    await peers?.trust();
    // who has written past it meanwhile has told the others anew
    if (past.count === count) past.isSo = false;
  };
  let isRenewing = false;
  /** Behind whoever asks. */
  const isPast = (): boolean => {
    if (past.isSo && !isRenewing) {
      isRenewing = true;
      renew()
        .catch(() => {})
        .finally(() => {
          isRenewing = false;
        });
    }
    return past.isSo;
  };
  /** From then on it tries by itself, too: others have no cache while this instance is idle. */
  const becomePast = () => {
    if (past.isSo) return;
    past.isSo = true;
    void (async () => {
      do await wait(renewMs);
      while (isPast());
    })();
  };

  /** Undefined: go past the cache. */
  const look = async (scope: string, name: string, maker?: string): Promise<Look | undefined> => {
    try {
      if (isPast() || (peers && !(await peers.isTrusted()))) return undefined;
      return await shelf.look(scope, name, maker);
    } catch {
      return undefined;
    }
  };
  const found = <T>({ generation, entry }: Look): Cached<T> | undefined => {
    if (generation === null || entry?.generation !== generation) return undefined;
    const [asOf = 0, value] = JSON.parse(entry.text) as [number, T];
    return { value, asOf: new Date(asOf), from: "cache" };
  };
  const fill = async (
    scope: string,
    name: string,
    generation: string,
    asOf: Date,
    value: unknown,
    ttlSeconds: number,
  ) => {
    try {
      if (isPast() || (peers && !(await peers.isTrusted()))) return;
      const ttlMs = Math.round(ttlSeconds * 1_000 * (1 - JITTER * random()));
      await shelf.fill(scope, name, generation, JSON.stringify([asOf.getTime(), value]), ttlMs);
    } catch {
      // it is made anew the next time
    }
  };
  const make = async <T>(compute: () => Promise<T>, from: "made" | "past"): Promise<Cached<T>> => {
    const asOf = new Date(clock());
    return { value: await compute(), asOf, from };
  };

  const getOrCompute = async <T>(
    { scope, name }: { scope: string; name: string },
    compute: () => Promise<T>,
    ttl: Ttl<T>,
  ): Promise<Cached<T>> => {
    if (typeof ttl === "number") checked(ttl);
    const maker = newId();
    const patientUntil = clock() + LEASE_MS;
    for (;;) {
      const seen = await look(scope, name, maker);
      if (!seen || seen.generation === null) {
        stats.bypassed += 1;
        return make(compute, "past");
      }
      const hit = found<T>(seen);
      if (hit) {
        stats.hits += 1;
        return hit;
      }
      const { generation } = seen;
      const key = `${generation} ${scope} ${name}`;
      const shared = making.get(key) as Promise<Cached<T>> | undefined;
      if (shared) return shared;
      if (seen.isMaker || clock() > patientUntil) {
        stats.misses += 1;
        const mine = (async () => {
          try {
            const made = await make(compute, "made");
            const ttlSeconds = checked(typeof ttl === "number" ? ttl : ttl(made.value));
            await fill(scope, name, generation, made.asOf, made.value, ttlSeconds);
            return made;
          } finally {
            making.delete(key);
            if (seen.isMaker) shelf.release(scope, name, generation, maker).catch(() => {});
          }
        })();
        making.set(key, mine);
        return mine;
      }
      await wait(LOOK_MS);
    }
  };

  /** Whether the shelf was told. */
  const told = async (step: () => Promise<void>, marker?: readonly [string, readonly string[]]): Promise<boolean> => {
    if (isPast()) return false;
    try {
      await step();
      return true;
    } catch {
      if (marker) left.set(...marker);
      becomePast();
      return false;
    }
  };
  const writePast = async <T>(write: () => Promise<T>, isKnown: (outcome: T) => boolean): Promise<T> => {
    becomePast();
    past.count += 1;
    past.running += 1;
    let isOver = false;
    // beside the write; whatever becomes of that, its outcome is what counts
    const telling = peers?.distrust();
    try {
      const outcome = await write();
      isOver = isKnown(outcome);
      return outcome;
    } finally {
      await telling?.catch(() => {});
      past.running -= 1;
      if (!isOver) past.lateUntil = clock() + markerMs;
    }
  };

  return {
    getOrCompute,
    async get<T>({ scope, name }: { scope: string; name: string }) {
      const seen = await look(scope, name);
      return seen && found<T>(seen)?.value;
    },
    async set({ scope, name }, value, ttlSeconds) {
      checked(ttlSeconds);
      const seen = await look(scope, name);
      if (seen && seen.generation !== null)
        await fill(scope, name, seen.generation, new Date(clock()), value, ttlSeconds);
    },
    async delete({ scope, name }) {
      // an entry that stays would be believed: for others it is as if its scope had been written to
      if (!(await told(() => shelf.remove(scope, name))))
        await writePast(
          async () => true,
          () => true,
        );
    },
    async writing(scopes, write, isKnown = () => true) {
      const id = newId();
      if (!(await told(() => shelf.begin(scopes, id, markerMs), [id, scopes]))) return writePast(write, isKnown);
      const outcome = await write();
      // the end of the marker is lost, and the marker itself with a Redis that was killed: as if it had never been told
      if (isKnown(outcome) && !(await told(() => shelf.end(scopes, id)))) {
        left.set(id, scopes);
        return writePast(async () => outcome, isKnown);
      }
      return outcome;
    },
    stats: () => ({ ...stats }),
  };
}

/** Keeps no process alive. */
const pause = (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms).unref());
