/** Every kind of movement by many clients at once, on a server that is killed and started among them. */
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Storm, startStorm } from "../servers/storm-of-transfers.ts";
import { partOf } from "../setup/effort.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT } from "../setup/patience.ts";
import { control, servers } from "./servers.ts";

const CALLS = partOf(20_000, 2_000);
const KILLS = 3;
/** one for each of the 200 clients, and some for the system beside them */
const CONNECTIONS = 260;

let database: OwnDatabase;
let storm: Storm;
let isDead = false;
beforeAll(async () => {
  // the server takes so many from its next start on, and after this file as many as before
  await asAdmin(`alter system set max_connections = ${CONNECTIONS}`);
  await restart();
  database = await startOwnDatabase();
  storm = await startStorm({ url: database.ownerUrl, calls: CALLS, connections: 200, isBack: back });
});
afterAll(async () => {
  if (isDead) await control("start", "supabase");
  await storm?.close();
  await database?.stop();
  await asAdmin("alter system reset max_connections");
  await restart();
});

async function restart(whenDead: () => Promise<unknown> = async () => undefined) {
  isDead = true;
  await control("kill", "supabase");
  await whenDead();
  await control("start", "supabase");
  isDead = false;
}

let coming: Promise<unknown> | undefined;
/** Asked by all clients at once, looked at by one. */
function back(): Promise<unknown> {
  coming ??= vi.waitUntil(answers, PATIENT).finally(() => {
    coming = undefined;
  });
  return coming;
}
const answers = () =>
  asAdmin("select 1").then(
    () => true,
    () => false,
  );
async function asAdmin(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: servers().adminDbUrl });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => undefined);
  }
}

test("nothing that was answered is lost, nothing happens twice, and the books are right", async () => {
  let isOver = false;
  const running = storm.run().finally(() => {
    isOver = true;
  });
  let killed = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    await vi.waitUntil(() => isOver || storm.begun() > (CALLS / (KILLS + 1)) * kill, PATIENT);
    // a server that takes long to come back may come back to the end of it; what has ended it before its time is thrown below
    if (isOver) break;
    killed++;
    const { repeated } = storm.calls.counts;
    await restart(() => vi.waitUntil(() => storm.calls.counts.repeated > repeated, PATIENT));
  }
  await running;
  expect(killed).toBeGreaterThan(0);
  expect(storm.made.size).toBeGreaterThan(CALLS / 4);
  await storm.judge();
});
