/** Outage after outage: an instance holds no more after twenty than after four. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Mode } from "../failure/proxy.ts";
import { partOf } from "../setup/effort.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Instance } from "./instance.ts";
import { anything, ask, isDone } from "./requests.ts";
import { HOMES, type OutageSystem, startOutageSystem } from "./system.ts";

const MODES: readonly Mode[] = ["refuse", "hang", "cut"];
const WARM_ROUNDS = 4;
const ROUNDS = partOf(20, 10);
/** What one round's requests hold at the same moment differs by a few. */
const MARGIN = 4;
const MARGIN_BYTES = 8 * 1024 * 1024;

let system: OutageSystem;
let instance: Instance;
let users: Record<Home, TestUser>;

beforeAll(async () => {
  system = await startOutageSystem();
  users = { supabase: await system.user("supabase"), mongodb: await system.user("mongodb") };
  instance = await system.instance();
});
afterAll(() => system?.stop());

async function outage(round: number): Promise<void> {
  const down = HOMES[round % HOMES.length] as Home;
  await system.proxies[down].set(MODES[round % MODES.length] as Mode);
  const answers = await Promise.all(Array.from({ length: 12 }, (_, turn) => anything(instance.url, users[down], turn)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  await system.proxies[down].set("pass");
  await vi.waitUntil(async () => isDone(await ask(instance.url, users[down], "/api/expenses?limit=5")), {
    timeout: 10_000,
    interval: 50,
  });
}

/** By how much the kinds that grew did; in a plain sum, sockets that were closed would hide timers that were not. */
const growth = (before: Record<string, number>, after: Record<string, number>) =>
  Object.entries(after).reduce((sum, [kind, count]) => sum + Math.max(0, count - (before[kind] ?? 0)), 0);

test("no sockets, timers or memory pile up", { timeout: 180_000 }, async () => {
  for (let round = 0; round < WARM_ROUNDS; round++) await outage(round);
  const before = await instance.holdings();
  for (let round = 0; round < ROUNDS; round++) await outage(round);
  let after = await instance.holdings();
  const piledUp = () => growth(before.resources, after.resources);
  // connections that are idle are kept for a few seconds
  await vi
    .waitUntil(
      async () => {
        after = await instance.holdings();
        return piledUp() <= MARGIN;
      },
      { timeout: 15_000, interval: 250 },
    )
    .catch(() => undefined);
  expect(piledUp(), JSON.stringify([before, after])).toBeLessThanOrEqual(MARGIN);
  expect(after.heapBytes - before.heapBytes).toBeLessThan(MARGIN_BYTES);
});
