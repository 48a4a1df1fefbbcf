/** Two instances of the API: what the one remembers of somebody whom the other has removed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type RoomSystem, startRoomSystem } from "./room-callers.ts";

let now = Date.now();
let system: RoomSystem;
let other: ApiInstance;
beforeAll(async () => {
  system = await startRoomSystem(() => now);
  other = await startApi({ on: system.supabase, mongoUri: system.mongoUri, clock: () => now });
});
afterAll(async () => {
  await other?.close();
  await system?.stop();
});

test("somebody who was removed through another instance posts for ten seconds, and no longer", async () => {
  const [ann, bo, cy] = [
    await system.newCaller("supabase"),
    await system.newCaller("mongodb"),
    await system.newCaller("supabase"),
  ];
  const { value: room } = await ann.call("POST", "/api/conversations", { user_ids: [bo.id, cy.id] });
  const path = `/api/rooms/${room.id}/messages`;
  const say = (content: string) => bo.call("POST", path, { content });
  expect((await say("before")).status).toBe(201);
  const elsewhere = system.through(ann, other);
  expect((await elsewhere.call("DELETE", `/api/conversations/${room.id}/members/${bo.id}`)).status).toBe(204);
  now += 9_900;
  expect((await say("for a while")).status).toBe(201);
  now += 200;
  expect((await say("after")).status).toBe(404);
  expect((await bo.call("GET", path)).status).toBe(404);
  // through the instance that remembers it, at once
  expect((await ann.call("POST", `/api/conversations/${room.id}/members`, { user_ids: [bo.id] })).status).toBe(200);
  expect((await say("again")).status).toBe(201);
  await ann.call("DELETE", `/api/conversations/${room.id}/members/${bo.id}`);
  expect((await say("no more")).status).toBe(404);
});
