/** The control plane is asked to switch, and its answer does not come: it may have switched, may do so yet, or never. */
import { err } from "neverthrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import type { MovesControl } from "../../shared/moves/control.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("unsure");
});
afterAll(() => system?.stop());

const WAYS = [
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
] as const;
const LOST = unavailable("Supabase does not answer.");

/** The step of a user in which the switch is asked for and nothing is heard of it: what was asked, to be answered later. */
async function losing(
  userId: string,
  to: string,
  isAllLost: boolean,
): Promise<() => ReturnType<MovesControl["switch"]>> {
  let asked: Parameters<MovesControl["switch"]> | undefined;
  const control: MovesControl = {
    ...system.moves,
    async switch(...given) {
      asked = given;
      return err(LOST);
    },
    step: async (...given) => (asked && isAllLost ? err(LOST) : system.moves.step(...given)),
    claim: async (...given) => (asked ? err(LOST) : system.moves.claim(...given)),
  };
  const moving = system.move(userId, to, { control, leaseSeconds: 3_600, pauseMs: 3_600_000 });
  await expect(moving).rejects.toBe(LOST);
  if (!asked) throw new Error("nothing was asked");
  const given = asked;
  return () => system.moves.switch(...given);
}
const leasesEnd = () =>
  system.control.sql(
    "update switchyard.tasks set leased_until = now(), due_at = now() where queue = 'move' and done_at is null",
  );

describe.each(WAYS)("from %s to %s", (from, to) => {
  test("it switches when the worker has given up: what was answered meanwhile is there", async () => {
    const user = await system.user(from);
    const call = system.callerOf(user);
    const written = new Set<string>();
    const write = async (name: string) => {
      const { status, body } = await call("POST", "/contacts", { name });
      if (status === 201) written.add(body.id);
      else expect([status, body.code]).toEqual([503, "busy"]);
    };
    await write("Ann");
    const answer = await losing(user.id, to, true);
    await write("Bob");
    await answer();
    await leasesEnd();
    expect((await system.finish(user.id)).state).toBe("kept");
    await write("Cid");
    const there = (await call("GET", "/contacts")).body.items.map(({ id }: { id: string }) => id);
    expect(new Set(there)).toEqual(written);
  });

  test("it never does, and takes the lease back: writes go on at once, and a switch that comes then is refused", async () => {
    const user = await system.user(from);
    const call = system.callerOf(user);
    const answer = await losing(user.id, to, false);
    expect((await call("POST", "/contacts", { name: "Ann" })).status).toBe(201);
    expect((await answer())._unsafeUnwrap()).not.toBe("switched");
    await leasesEnd();
    expect((await system.finish(user.id)).state).toBe("kept");
    expect((await call("GET", "/contacts")).body.items).toHaveLength(1);
  });
});
