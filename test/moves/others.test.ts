/** What moves of others cost those who are not moving: nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Calls, type CountedApi, startCountedApi } from "../integration/calls-per-request.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
const open: CountedApi[] = [];
beforeAll(async () => {
  system = await startMovingSystem("others");
});
afterAll(async () => {
  for (const api of open) await api.stop();
  await system?.stop();
});

/** Of an instance that has just started, so that it has heard of whatever is under way. */
async function callsOf(home: "supabase" | "mongodb"): Promise<Record<string, Calls>> {
  const api = await startCountedApi(system.control, system.env.MONGODB_URI ?? "");
  open.push(api);
  const user = await system.user(home);
  return api.countFor({ ...user, home });
}

test.each([
  ["supabase", "supabase", "mongodb"],
  ["mongodb", "supabase", "mongodb"],
  ["supabase", "mongodb", "supabase"],
  ["mongodb", "mongodb", "supabase"],
] as const)(
  "in %s, while somebody moves from %s to %s, requests make the calls that they always make",
  async (home, from, to) => {
    const before = await callsOf(home);
    const mover = await system.user(from);
    let sealed: Record<string, Calls> | undefined;
    const moved = await system.move(mover.id, to, {
      pauseMs: 3_600_000,
      leaseSeconds: 3_600,
      onPoint: async (point) => {
        if (point === "sealed") sealed = await callsOf(home);
      },
    });
    expect(moved.state).toBe("kept");
    expect(sealed).toEqual(before);
    // and after it
    expect(await callsOf(home)).toEqual(before);
  },
);
