/** Moves of many users: how fast they are begun, and how they end early. Time is the test's. */
import { ok } from "neverthrow";
import { describe, expect, test } from "vitest";
import type { Begun, Move } from "../../shared/moves/control.ts";
import { moveInTurns, type TurnsOptions } from "../../shared/operations/move-in-turns.ts";

/** So many users, whose moves are done `stepMs` after they were begun. */
function world(users: number, stepMs = 0) {
  let now = 0;
  const begunAt: number[] = [];
  const known = new Map<string, number>();
  let left = users;
  const options: TurnsOptions = {
    begin: async (most) => {
      const count = Math.min(left, most, 500);
      left -= count;
      return ok(
        Array.from({ length: count }, (): Begun => {
          const user_id = `user${known.size}`;
          known.set(user_id, now);
          begunAt.push(now);
          return { user_id, move: known.size };
        }),
      );
    },
    makeSteps: async () => ok(0),
    control: {
      list: async ({ userId = "" } = {}) => {
        const isDone = now - (known.get(userId) ?? 0) >= stepMs;
        return ok([{ user_id: userId, state: isDone ? "kept" : "copying" } as Move]);
      },
    },
    clock: () => now,
    wait: async (ms) => {
      now += ms;
    },
  };
  return {
    options,
    begunAt,
    passes: (ms: number) => {
      now += ms;
    },
  };
}
const run = async (options: TurnsOptions) => (await moveInTurns(options))._unsafeUnwrap();
const within = (begunAt: readonly number[], from: number, ms: number) =>
  begunAt.filter((at) => at >= from && at < from + ms).length;

describe("a rate", () => {
  test.each([
    [6, 13],
    [60, 150],
    [600, 2_000],
  ])("of %i a minute begins no more than that within any minute, and hardly fewer", async (perMinute, users) => {
    const { options, begunAt } = world(users);
    expect((await run({ ...options, perMinute })).ended).toHaveLength(users);
    const most = perMinute + Math.max(1, perMinute / 60);
    for (const at of begunAt) expect(within(begunAt, at, 60_000)).toBeLessThanOrEqual(most);
    expect(begunAt.at(-1)).toBeLessThanOrEqual((users / perMinute) * 60_000 + 1_000);
  });

  test("is not made up for after a step that took long", async () => {
    const { options, begunAt, passes } = world(100);
    let isFirst = true;
    const makeSteps: TurnsOptions["makeSteps"] = async () => {
      if (isFirst) passes(30_000);
      isFirst = false;
      return ok(0);
    };
    await run({ ...options, makeSteps, perMinute: 60 });
    for (const at of begunAt) expect(within(begunAt, at, 10_000)).toBeLessThanOrEqual(11);
  });

  test("interrupts steps when the next one is to begin", async () => {
    const { options, passes } = world(3);
    const makeSteps: TurnsOptions["makeSteps"] = async (isOver) => {
      let steps = 0;
      for (; steps < 50 && !isOver(); steps++) passes(100);
      return ok(steps);
    };
    const { begun, isAll } = await run({ ...options, makeSteps, perMinute: 60 });
    expect([begun, isAll]).toEqual([3, true]);
  });
});

test("without a rate all are begun before the first step", async () => {
  const { options, begunAt } = world(1_200);
  let begunBefore: number | undefined;
  const makeSteps: TurnsOptions["makeSteps"] = async () => {
    begunBefore ??= begunAt.length;
    return ok(0);
  };
  expect((await run({ ...options, makeSteps })).ended).toHaveLength(1_200);
  expect(begunBefore).toBe(1_200);
});

test("whoever ends it early hears what is done, under way, and not begun", async () => {
  const { options, begunAt } = world(100, 5_000);
  const isOver = () => options.clock() >= 10_000;
  const { ended, underWay, isAll } = await run({ ...options, perMinute: 60, isOver });
  expect(isAll).toBe(false);
  expect(ended.length).toBeGreaterThan(3);
  expect(underWay.length).toBeGreaterThan(3);
  expect(ended.length + underWay.length).toBe(begunAt.length);
  expect(begunAt.length).toBeLessThanOrEqual(11);
});

test("who is refused is named, and not waited for", async () => {
  const { options } = world(0);
  const batches: Begun[][] = [[{ user_id: "somebody", refused: "no" }], []];
  const said: string[] = [];
  const turns = await run({
    ...options,
    begin: async () => ok(batches.shift() ?? []),
    onRefused: (userId, why) => said.push(`${userId} ${why}`),
  });
  expect(turns).toMatchObject({ begun: 1, ended: [], refused: [{ user_id: "somebody" }], isAll: true });
  expect(said).toEqual(["somebody no"]);
});
