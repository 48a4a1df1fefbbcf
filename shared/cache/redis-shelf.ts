/**
 * Kept in Redis, each step one script. Keys begin with the server's run: one that was started again from an older snapshot, or
 * another that took over, remembers entries whose generations it has forgotten. One server, no cluster: a script reads the
 * keys of a scope and of everybody together.
 *
 *   sw:<life>:g:<scope>          the generation, a random name; whoever finds none gives one
 *   sw:<life>:m:<scope>          the markers: ids of writes by the time when they end
 *   sw:<life>:e:<scope>:<name>   an entry: its generation, a space, its text
 *   sw:<life>:l:<...>:<gen>      who makes an entry
 */
import type { Redis } from "../redis/connection.ts";
import { EVERYBODY, MAX_TTL_SECONDS } from "./cache.ts";
import type { Shelf } from "./shelf.ts";

/** Whoever makes an entry and dies is waited for so long. */
const LEASE_MS = 5_000;
/** A generation that has ended is another one: entries under it are as good as gone before. */
const GENERATION_SECONDS = 2 * MAX_TTL_SECONDS;

const NOW = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function marked(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  return redis.call('ZCARD', key) > 0
end`;
/** KEYS: entry, generation, marker, generation and marker of everybody. ARGV: a new generation, seconds. */
const GENERATIONS = `${NOW}
local function named(key)
  local own = redis.call('GET', key)
  if not own then
    own = ARGV[1]
    redis.call('SET', key, own, 'EX', ARGV[2])
  end
  return own
end
local generation = false
if not marked(KEYS[3]) and not marked(KEYS[5]) then generation = named(KEYS[2]) .. '.' .. named(KEYS[4]) end`;
/** More ARGV: the maker or '', beginning of the lease's key, milliseconds. */
const LOOK = `${GENERATIONS}
local entry = redis.call('GET', KEYS[1])
local maker = 0
if generation and ARGV[3] ~= '' and (not entry or string.sub(entry, 1, #generation + 1) ~= generation .. ' ') then
  if redis.call('SET', ARGV[4] .. generation, ARGV[3], 'NX', 'PX', ARGV[5]) then maker = 1 end
end
return {generation, entry, maker}`;
/** More ARGV: the generation that it was made under, text, milliseconds. */
const FILL = `${GENERATIONS}
if generation == ARGV[3] then redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[4], 'PX', ARGV[5]) end
return 1`;
/** KEYS: generation and marker of each scope. ARGV: id, milliseconds, seconds. */
const BEGIN = `${NOW}
for i = 1, #KEYS, 2 do
  redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[3])
  redis.call('ZADD', KEYS[i + 1], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[i + 1], ARGV[2] * 2)
end
return 1`;
const END = `${NOW}
for i = 1, #KEYS, 2 do
  marked(KEYS[i + 1])
  if redis.call('ZREM', KEYS[i + 1], ARGV[1]) == 0 then redis.call('SET', KEYS[i], ARGV[1] .. 'b', 'EX', ARGV[3]) end
end
return 1`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1`;

export function createRedisShelf(redis: Redis, newId: () => string = () => crypto.randomUUID()): Shelf {
  const keysOf = (life: string) => {
    const key = (kind: string, rest: string) => `sw:${life}:${kind}:${rest}`;
    const ofScope = (scope: string) => [key("g", scope), key("m", scope)];
    return {
      lease: (scope: string, name: string) => key("l", `${scope}:${name}:`),
      entry: (scope: string, name: string) => key("e", `${scope}:${name}`),
      all: (scope: string, name: string) => [key("e", `${scope}:${name}`), ...ofScope(scope), ...ofScope(EVERYBODY)],
      ofScopes: (scopes: readonly string[]) => scopes.flatMap(ofScope),
    };
  };
  const short = () => newId().slice(0, 18);

  return {
    look: (scope, name, maker = "") =>
      redis.run(async (client, life) => {
        const keys = keysOf(life);
        const more = [short(), GENERATION_SECONDS, maker, keys.lease(scope, name), LEASE_MS];
        const [generation, entry, isMaker] = (await client.eval(LOOK, 5, ...keys.all(scope, name), ...more)) as [
          string | null,
          string | null,
          number,
        ];
        const space = entry?.indexOf(" ") ?? -1;
        return {
          generation,
          entry: entry === null ? null : { generation: entry.slice(0, space), text: entry.slice(space + 1) },
          isMaker: isMaker === 1,
        };
      }),
    fill: (scope, name, generation, text, ttlMs) =>
      redis.run(async (client, life) => {
        const more = [short(), GENERATION_SECONDS, generation, text, ttlMs];
        await client.eval(FILL, 5, ...keysOf(life).all(scope, name), ...more);
      }),
    release: (scope, name, generation, maker) =>
      redis.run(async (client, life) => {
        await client.eval(RELEASE, 1, keysOf(life).lease(scope, name) + generation, maker);
      }),
    remove: (scope, name) =>
      redis.run(async (client, life) => {
        await client.del(keysOf(life).entry(scope, name));
      }),
    async begin(scopes, id, markerMs) {
      // a writer who cannot say so has to wait for others to hear it another way
      await redis.first();
      await redis.run(async (client, life) => {
        const keys = keysOf(life).ofScopes(scopes);
        await client.eval(BEGIN, keys.length, ...keys, id, markerMs, GENERATION_SECONDS);
      });
    },
    end: (scopes, id) =>
      redis.run(async (client, life) => {
        const keys = keysOf(life).ofScopes(scopes);
        await client.eval(END, keys.length, ...keys, id, 0, GENERATION_SECONDS);
      }),
  };
}
