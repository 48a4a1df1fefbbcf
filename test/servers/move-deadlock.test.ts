/** A user is deleted while their move switches: neither ends in a deadlock, and nothing of them is left. */
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { PATIENT } from "../setup/patience.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("deadlock");
});
afterAll(() => system?.stop());

test.each([
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
])("from %s to %s, as the deletion commits", async (from, to) => {
  const user = await system.user(from);
  expect((await system.callerOf(user)("POST", "/contacts", { name: "Ann" })).status).toBe(201);
  const deleting = new pg.Client({ connectionString: system.control.adminUrl });
  await deleting.connect();
  // asked by another than who deletes: in a transaction, the activity of others stands still
  const isSwitchWaiting = async () => {
    const waiting = await system.control.sql(
      `select a.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid
       where not l.granted and l.locktype = 'transactionid' and a.datname = current_database()`,
    );
    return waiting.length > 0;
  };
  let deleted: Promise<unknown> | undefined;
  const onPoint = async (point: string) => {
    if (point !== "verified" || deleted) return;
    await deleting.query("begin");
    await deleting.query("delete from auth.users where id = $1", [user.id]);
    deleted = (async () => {
      await vi.waitUntil(isSwitchWaiting, PATIENT);
      // longer than whoever waits takes to look for a deadlock: it is the deletion that would be ended by one
      await deleting.query("select pg_sleep(2)");
      await deleting.query("commit");
    })();
    // looked at below, and not before the move has ended
    deleted.catch(() => undefined);
  };
  try {
    const ended = await system.move(user.id, to, { onPoint, pauseMs: 3_600_000, leaseSeconds: 3_600 });
    await expect(deleted).resolves.toBeUndefined();
    expect([ended.state, ended.last_error]).toEqual(["aborted", "the user was deleted"]);
  } finally {
    await deleting.end();
  }
});
