/** Two operators who begin moves of the same users at the same time, to different homes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Begun } from "../../shared/moves/control.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("operators");
});
afterAll(() => system?.stop());

const USERS = 40;
const TRIES = 5;

test("each user gets one move; whoever came later is told so, and of everybody else's moves nothing is lost", async () => {
  for (let tries = 0; tries < TRIES; tries++) {
    const users = await Promise.all(Array.from({ length: USERS }, () => system.user("supabase")));
    const ids = users.map(({ id }) => id);
    const answers = await Promise.all([
      system.moves.start(ids, "mongodb", "one"),
      system.moves.start([...ids].reverse(), "atlas", "other"),
      system.moves.start(ids, "atlas", "third"),
    ]);
    const begun = answers.map((answer) => answer._unsafeUnwrap());
    for (const id of ids) {
      const own = begun.map((all) => all.find(({ user_id }) => user_id === id) as Begun);
      const made = own.filter((one) => "move" in one);
      const refused = own.filter((one) => "refused" in one && one.refused === "The user is being moved already.");
      expect([id, made.length, refused.length]).toEqual([id, 1, 2]);
    }
    expect(begun.map((all) => all.map(({ user_id }) => user_id))).toEqual([ids, [...ids].reverse(), ids]);
    expect((await system.moves.abort(ids))._unsafeUnwrap()).toBe(USERS);
  }
});
