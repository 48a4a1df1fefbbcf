/** Every kind of movement by many clients at once, on a server that ends their connections at random. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { partOf } from "../setup/effort.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { type Storm, startStorm } from "./storm-of-transfers.ts";

const CALLS = partOf(20_000, 1_000);

let database: OwnDatabase;
let storm: Storm;
beforeAll(async () => {
  database = await startOwnDatabase();
  // The server is also that of the test files that run beside this one, so it gives half of its connections to the clients,
  // who share them as behind a pooler: 100 where it takes 200. In test/outage each of them has one of its own.
  const [row] = await database.sql<{ connections: number }>(
    "select current_setting('max_connections')::int / 2 as connections",
  );
  const connections = row?.connections ?? 0;
  storm = await startStorm({ url: database.ownerUrl, calls: CALLS, connections, isBack: async () => undefined });
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
  expect(storm.calls.counts.repeated).toBeGreaterThan(10);
  expect(storm.calls.counts.doubled).toBeGreaterThan(0);
  expect(storm.calls.unheard.size).toBeGreaterThan(0);
  expect(storm.made.size).toBeGreaterThan(CALLS / 4);
  await storm.judge();
});
