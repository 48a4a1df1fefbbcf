/** A user who wrote more in a minute than a move looks at again, as by an import. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("burst");
});
afterAll(() => system?.stop());

test("they move all the same, there and back, and so does what they write afterwards", async () => {
  const user = await system.user("supabase");
  const call = system.callerOf(user);
  await system.control.sql(
    `insert into public.contacts (user_id, id, name)
     select '${user.id}', gen_random_uuid(), 'c' || n from generate_series(1, 6000) n`,
  );
  const there = await system.move(user.id, "mongodb");
  expect([there.state, there.detail.copied]).toEqual(["kept", 6_000]);
  expect((await call("POST", "/contacts", { name: "later" })).status).toBe(201);
  const back = await system.move(user.id, "supabase");
  expect([back.state, back.detail.copied]).toEqual(["kept", 1]);
});
