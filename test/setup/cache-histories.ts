/** Random reads and writes of a few users over instances of the API, against the promise of the cache. */
import { setImmediate as turn } from "node:timers/promises";
import type { Cache } from "../../shared/cache/cache.ts";

export interface CacheHistory {
  readonly instances: readonly Cache[];
  readonly operations: number;
  readonly random: () => number;
  /** called now and then; while it runs, what has begun goes on, and nothing begins */
  readonly disturb?: () => Promise<void> | void;
}

export interface Broken {
  readonly user: string;
  readonly read: number;
  /** what had been answered before the read began */
  readonly written: number;
}

const USERS = 8;
const AT_ONCE = 12;
const DISTURB_EACH = 40;

/** What was read too old. Values only grow, and each read knows the one whose write had been answered when it began. */
export async function cacheHistory({ instances, operations, random, disturb }: CacheHistory): Promise<Broken[]> {
  const truth = new Map<string, number>();
  const answered = new Map<string, number>();
  const broken: Broken[] = [];
  let counter = 0;
  let left = operations;
  const pick = (n: number) => Math.floor(random() * n);
  const some = async () => {
    for (let n = pick(4); n > 0; n -= 1) await turn();
  };

  const write = async (cache: Cache, user: string) => {
    const written = await cache.writing([user], async () => {
      await some();
      const value = ++counter;
      truth.set(user, value);
      await some();
      return value;
    });
    answered.set(user, Math.max(written, answered.get(user) ?? 0));
  };
  const read = async (cache: Cache, user: string) => {
    const written = answered.get(user) ?? 0;
    const compute = async () => {
      await some();
      const value = truth.get(user) ?? 0;
      await some();
      return value;
    };
    const { value } = await cache.getOrCompute({ scope: user, name: "dashboard" }, compute, 300);
    if (value < written) broken.push({ user, read: value, written });
  };

  let disturbing: Promise<void> | undefined;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      if (disturb && left % DISTURB_EACH === 0) disturbing = Promise.all([disturbing, disturb()]).then(() => undefined);
      await disturbing;
      const cache = instances[pick(instances.length)] as Cache;
      await (random() < 0.3 ? write : read)(cache, `user-${pick(USERS)}`);
      await some();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return broken;
}

/** Until they are all used again, after whatever has happened. */
export async function untilUsed(
  instances: readonly Cache[],
  again: (look: () => Promise<boolean>) => Promise<unknown>,
) {
  const key = { scope: "nobody", name: "is it there?" };
  const look = (cache: Cache) => async () => (await cache.getOrCompute(key, async () => true, 300)).from !== "past";
  await Promise.all(instances.map((cache) => again(look(cache))));
}
