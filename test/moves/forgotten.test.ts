/** What MongoDB knows of users who have moved, and when it is taken away. */
import { type Db, MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
let client: MongoClient;
let db: Db;
beforeAll(async () => {
  system = await startMovingSystem("forgotten");
  client = new MongoClient(system.env.MONGODB_URI ?? "");
  db = client.db();
});
afterAll(async () => {
  await client?.close();
  await system?.stop();
});

const fences = () => db.collection("switchyard_homes");
const age = (userId: string, days: number) =>
  fences().updateOne({ _id: new UUID(userId) } as never, {
    $set: { changed_at: new Date(Date.now() - days * 86_400_000) },
  });
const isKnown = async (userId: string) => (await fences().countDocuments({ _id: new UUID(userId) } as never)) === 1;
const sweep = () => system.registry.get("mongodb")?.system.sweep();

test("it is kept for eight days after its move, and then the user is like everybody else", async () => {
  const user = await system.user("supabase");
  await system.move(user.id, "mongodb");
  const call = system.callerOf(user);
  const made = await call("POST", "/contacts", { name: "Ann" });
  await age(user.id, 7.9);
  await sweep();
  expect(await isKnown(user.id)).toBe(true);
  await age(user.id, 8.1);
  await sweep();
  expect(await isKnown(user.id)).toBe(false);
  expect((await call("PATCH", `/contacts/${made.body.id}`, { name: "Anna" })).status).toBe(200);
  expect((await call("GET", "/contacts")).body.items.map(({ name }: { name: string }) => name)).toEqual(["Anna"]);
  // and may move again
  expect((await system.move(user.id, "supabase")).state).toBe("kept");
  expect((await call("GET", "/contacts")).body.items).toHaveLength(1);
});

test("a home that is on its way, or whose copy is seen to, is known for as long as that takes", async () => {
  const [moving, kept] = [await system.user("mongodb"), await system.user("mongodb")];
  await system.move(kept.id, "supabase");
  await age(kept.id, 30);
  await system.control.sql("update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null");
  expect((await system.finish(kept.id)).state).toBe("kept");
  const copy = await system.registry.get("mongodb")?.copy();
  await copy?.setFence(moving.id, { home: "mongodb", epoch: 1, state: "moving", turn: 1 }, 1_000);
  await age(moving.id, 30);
  await sweep();
  expect([await isKnown(kept.id), await isKnown(moving.id)]).toEqual([true, true]);
  expect((await system.callerOf(kept)("POST", "/contacts", { name: "Ann" })).asked.at(-1)).toBe("supabase");
});
