/** Transfers, holds and reversals by many clients at once, on a server that ends their connections at random. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { partOf } from "../setup/effort.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { type Storm, startStorm } from "./storm-of-transfers.ts";

const CALLS = partOf(20_000, 1_000);

let database: OwnDatabase;
let storm: Storm;
beforeAll(async () => {
  database = await startOwnDatabase();
  storm = await startStorm({ url: database.ownerUrl, calls: CALLS, isBack: async () => undefined });
});
afterAll(async () => {
  await storm?.close();
  await database?.stop();
});

test("moves nothing twice, loses nothing that was answered, and the books are right", async () => {
  let isOver = false;
  const running = storm.run().finally(() => {
    isOver = true;
  });
  let ended = 0;
  while (!isOver) {
    const [row] = await database.sql<{ ended: number }>(
      `select count(pg_terminate_backend(pid))::int as ended from (
         select pid from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query like '%public.ledger_%' and state = 'active'
         order by random() limit 1
       ) one`,
    );
    ended += row?.ended ?? 0;
  }
  await running;
  expect(ended).toBeGreaterThan(10);
  expect(storm.heard.repeated).toBeGreaterThan(10);
  expect(storm.heard.unheard.size).toBeGreaterThan(0);
  expect(storm.heard.made.size).toBeGreaterThan(CALLS / 4);
  await storm.judge();
});
