/** Transfers, holds and reversals by many clients at once, on a server that is killed and started among them. */
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Storm, startStorm } from "../servers/storm-of-transfers.ts";
import { partOf } from "../setup/effort.ts";
import { PATIENT } from "../setup/patience.ts";
import { control, servers } from "./servers.ts";
import { type OutageSystem, startOutageSystem } from "./system.ts";

const CALLS = partOf(20_000, 2_000);
const KILLS = 3;

let system: OutageSystem;
let storm: Storm;
let isDead = false;
beforeAll(async () => {
  system = await startOutageSystem();
  storm = await startStorm({ url: servers().adminDbUrl, calls: CALLS, isBack: back });
});
afterAll(async () => {
  if (isDead) await control("start", "supabase");
  await storm?.close();
  await system?.stop();
});

let coming: Promise<unknown> | undefined;
/** Asked by all clients at once, looked at by one. */
function back(): Promise<unknown> {
  coming ??= vi.waitUntil(answers, PATIENT).finally(() => {
    coming = undefined;
  });
  return coming;
}
async function answers(): Promise<boolean> {
  const client = new pg.Client({ connectionString: servers().adminDbUrl });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

test("nothing that was answered is lost, nothing happens twice, and the books are right", async () => {
  let isOver = false;
  const running = storm.run().finally(() => {
    isOver = true;
  });
  for (let kill = 1; kill <= KILLS; kill++) {
    const enough = (CALLS / (KILLS + 1)) * 0.4 * kill;
    await vi.waitUntil(() => isOver || storm.heard.made.size > enough, PATIENT);
    expect(isOver).toBe(false);
    const { repeated } = storm.heard;
    isDead = true;
    await control("kill", "supabase");
    await vi.waitUntil(() => storm.heard.repeated > repeated, PATIENT);
    await control("start", "supabase");
    isDead = false;
  }
  await running;
  expect(storm.heard.made.size).toBeGreaterThan(CALLS / 4);
  await storm.judge();
});
