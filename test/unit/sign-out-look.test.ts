/** A sign-out that Redis has forgotten, by being started again, is found in the list by whoever asks first. */
import { ok } from "neverthrow";
import { expect, test } from "vitest";
import { createLog } from "../../shared/log.ts";
import { createSessions, type SessionsOptions } from "../../shared/placement/sessions.ts";
import type { Redis } from "../../shared/redis/connection.ts";

const TOKEN = { userId: crypto.randomUUID(), sessionId: crypto.randomUUID(), issuedAt: 1 };

/** Sessions over a Redis and a list in Postgres that are told what they know; the list is read when `freshly` says so. */
function setUp() {
  const redis = { life: "first", ended: new Set<string>(), isAway: false };
  const list = { ended: new Set<string>(), known: new Set<string>(), readings: [] as PromiseWithResolvers<void>[] };
  const run: Redis["run"] = async (commands) => {
    if (redis.isAway) throw new Error("away");
    const exists = async (key: string) => Number(redis.ended.has(key.slice("sw:signed-out:".length)));
    return commands({ exists } as never, redis.life);
  };
  const sessions = createSessions({
    redis: { run } as Redis,
    router: {
      control: async () => ok([]),
      standingOf: async ({ sessionId }: { sessionId?: string }) =>
        list.known.has(String(sessionId)) ? "signed_out" : "good",
      changes: {
        async freshly() {
          const reading = Promise.withResolvers<void>();
          list.readings.push(reading);
          await reading.promise;
          list.known = new Set(list.ended);
          return true;
        },
      },
    } as unknown as SessionsOptions["router"],
    ...{ isAlone: false, staleMs: 10_000, tokenLifetimeSeconds: 3_600, clock: () => 0 },
    log: createLog({ level: "silent" }),
  });
  return { redis, list, sessions };
}

test("a look for a token that nobody has verified has no list read, and spends nothing of what the next one needs", async () => {
  const { redis, list, sessions } = setUp();
  expect(await sessions.hasEnded(TOKEN)).toBe(false);
  redis.life = "second";
  list.ended.add(TOKEN.sessionId);
  await sessions.look("forged");
  expect(list.readings).toHaveLength(0);
  const answer = sessions.hasEnded(TOKEN, sessions.look(TOKEN.sessionId));
  await expect.poll(() => list.readings.length).toBe(1);
  // another request, while the list is being read: the new Redis is not believed yet
  const beside = sessions.hasEnded(TOKEN, sessions.look(TOKEN.sessionId));
  await expect.poll(() => list.readings.length).toBe(2);
  for (const reading of list.readings) reading.resolve();
  expect(await Promise.all([answer, beside])).toEqual([true, true]);
  expect(await sessions.hasEnded({ ...TOKEN, sessionId: "another" })).toBe(false);
  expect(list.readings).toHaveLength(2);
});

test("a look that failed leaves it to the list", async () => {
  const { redis, list, sessions } = setUp();
  redis.isAway = true;
  list.ended.add(TOKEN.sessionId);
  const answer = sessions.hasEnded(TOKEN, sessions.look(TOKEN.sessionId));
  await expect.poll(() => list.readings.length).toBe(1);
  list.readings[0]?.resolve();
  expect(await answer).toBe(true);
});
