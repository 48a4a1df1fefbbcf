/**
 * What is remembered of answers that take several calls. The cache is never the truth, and its promise is: **what was written
 * through the API is in the next read, always**. Other writers' work (SQL, Supabase's REST) shows within the time to live, and
 * `asOf` says how old an answer may be.
 *
 * An entry belongs to a **scope**, mostly a user's id; `EVERYBODY` is the scope that all entries depend on, too. A writer says
 * before the write whose answers it changes (`writing`): the scope gets a new **generation** and a **marker** in one step.
 * Entries of an older generation are no answers any more; readers go past the cache while a marker stands, and nobody fills
 * with what was read under an older generation, or under a marker. After the write the marker goes.
 */
export const EVERYBODY = "*";

/** Seconds; no entry lives longer. */
export const MAX_TTL_SECONDS = 600;

interface CacheKey {
  readonly scope: string;
  readonly name: string;
}

export interface Cached<T> {
  readonly value: T;
  /** when its making was begun */
  readonly asOf: Date;
  /** `past`: made for this caller alone, because the cache could not be trusted or reached */
  readonly from: "cache" | "made" | "past";
}

/** Seconds, or how many a value lives once it is made. */
export type Ttl<T> = number | ((value: T) => number);

/** Values are JSON: what comes back is `JSON.parse(JSON.stringify(value))`. No method rejects because of the cache. */
export interface Cache {
  /** Undefined: there is none that may be believed. */
  get<T>(key: CacheKey): Promise<T | undefined>;
  /** Keeps it for about so long. What the caller has read before is older than a write since; `getOrCompute` knows that. */
  set(key: CacheKey, value: unknown, ttlSeconds: number): Promise<void>;
  delete(key: CacheKey): Promise<void>;
  /** The entry, or what `compute` gives, made once for all who ask at the same time. Rejects as `compute` does. */
  getOrCompute<T>(key: CacheKey, compute: () => Promise<T>, ttl: Ttl<T>): Promise<Cached<T>>;
  /**
   * Runs a write. When it rejects, or `isKnown` says of its outcome that it may still happen, the marker stays until it ends
   * by itself.
   */
  writing<T>(scopes: readonly string[], write: () => Promise<T>, isKnown?: (outcome: T) => boolean): Promise<T>;
  stats(): CacheStats;
}

export interface CacheStats {
  readonly kind: "memory" | "redis" | "none";
  hits: number;
  misses: number;
  /** answered without the cache: a marker stood, or it could not be trusted or reached */
  bypassed: number;
}

/** Keeps keys short of what a user writes: names hold the parameters of an answer, too. */
export const checked = (ttlSeconds: number): number => {
  if (!(ttlSeconds > 0 && ttlSeconds <= MAX_TTL_SECONDS))
    throw new RangeError(`An entry lives more than 0 and at most ${MAX_TTL_SECONDS} s, not ${ttlSeconds}.`);
  return ttlSeconds;
};

/** The library's name for it, for one user: `cache("dashboard", fetch, 300)`. */
export function cacheOf(cache: Cache, userId: string) {
  return async <T>(key: string, fetch: () => Promise<T>, ttl: Ttl<T>): Promise<Cached<T>> =>
    cache.getOrCompute({ scope: userId, name: key }, fetch, ttl);
}

/** For processes that share nothing: everything is made anew, so that no instance answers what another has changed. */
export function createNoCache(): Cache {
  const stats: CacheStats = { kind: "none", hits: 0, misses: 0, bypassed: 0 };
  return {
    get: async () => undefined,
    set: async () => {},
    delete: async () => {},
    async getOrCompute(_, compute) {
      stats.bypassed += 1;
      const asOf = new Date();
      return { value: await compute(), asOf, from: "past" };
    },
    writing: (_, write) => write(),
    stats: () => ({ ...stats }),
  };
}
