/** The new home has no place for one more user: nobody's writes wait for a switch that would be refused. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stepMove } from "../../shared/moves/move-user.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("full");
});
afterAll(() => system?.stop());

const capacity = (of: string) =>
  system.control.sql(`update switchyard.databases set capacity_users = ${of} where name = 'mongodb'`);

test("a move waits without a pause until there is room, says why, and goes on by itself", async () => {
  const user = await system.user("supabase");
  await capacity("user_count");
  await system.moves.start([user.id], "mongodb", "test");
  // heard by all
  await system.control.sql("update switchyard.moves set state = 'copying', heard_since = now() - interval '1 hour'");
  const points: string[] = [];
  const claimed = (await system.moves.claim(system.homes, 3_600))._unsafeUnwrap();
  if (!claimed) throw new Error("nothing is due");
  await stepMove(system.options({ onPoint: (point) => void points.push(point) }), claimed);
  expect(points).toEqual([]);
  const [move] = (await system.moves.list({ userId: user.id }))._unsafeUnwrap();
  expect(move).toMatchObject({ state: "copying", last_error: expect.stringContaining("has no place: raise its cap") });
  expect((await system.callerOf(user)("POST", "/contacts", { name: "Ann" })).status).toBe(201);

  await capacity("user_count + 1");
  expect((await system.finish(user.id)).state).toBe("kept");
  const [row] = await system.control.sql(
    "select user_count::int as users, capacity_users::int as capacity from switchyard.databases where name = 'mongodb'",
  );
  expect(row?.users).toBe(row?.capacity);
});

test("of two who come to the last place at the same time, one waits", async () => {
  const users = [await system.user("supabase"), await system.user("supabase")];
  await capacity("user_count + 1");
  const ids = users.map(({ id }) => id);
  await system.moves.start(ids, "mongodb", "test");
  await system.control.sql(
    "update switchyard.moves set state = 'copying', heard_since = now() - interval '1 hour' where state = 'announced'",
  );
  // both have been told that there is one
  const claims = [];
  for (const _ of ids) claims.push((await system.moves.claim(system.homes, 3_600))._unsafeUnwrap());
  expect(claims.map((claim) => claim?.has_place)).toEqual([true, true]);
  const options = system.options({ pauseMs: 3_600_000, leaseSeconds: 3_600 });
  await Promise.all(claims.map((claim) => claim && stepMove(options, claim)));
  const homes = await system.control.sql<{ home: string; n: number }>(
    `select database_provider as home, count(*)::int as n from public.user_database_assignments
     where user_id in ('${ids.join("', '")}') group by 1 order by 1`,
  );
  expect(homes).toEqual([
    { home: "mongodb", n: 1 },
    { home: "supabase", n: 1 },
  ]);
  for (const user of users)
    expect((await system.callerOf(user)("POST", "/contacts", { name: "Ann" })).status).toBe(201);
  await system.moves.abort(ids);
});
