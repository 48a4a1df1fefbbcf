/** MongoDB goes away in the middle of a batch, and is back for the next call: nothing counts as done that was not answered. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { value } from "../contract/store.ts";
import { sideOf } from "./collections.ts";
import { createNote } from "./note.ts";
import { type ProxiedMongo, startProxiedMongo } from "./proxied-mongo.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let mongo: ProxiedMongo;
beforeAll(async () => {
  system = await startReplication();
  mongo = await startProxiedMongo(system.replicaUri, {});
});
afterAll(async () => {
  await mongo?.stop();
  await system?.stop();
});

test("rows whose batch was not answered are sent again", async () => {
  await system.drain();
  await system.fill(3);
  const worker = system.worker({ mongo: sideOf(mongo.client) });
  const lost = mongo.proxy.loseAnswerTo(/^update$/);
  expect((await worker.copyBatch())._unsafeUnwrapErr().code).toBe("unavailable");
  await lost;
  expect(value(await system.source.status()).pending).toBe(3);
  expect(value(await worker.run())).toMatchObject({ stale: 3, isDrained: true });
  expect(await system.verify()).toEqual([]);
});

test("documents of which it is not known whether they were cleared are sent again", async () => {
  const note = createNote(system);
  await note.make();
  const collector = system.collector({ mongo: sideOf(mongo.client) });
  const lost = mongo.proxy.loseAnswerTo(/^update$/);
  expect((await collector.collectBatch())._unsafeUnwrapErr().code).toBe("unavailable");
  await lost;
  value(await collector.run());
  await note.settled("A note");
});
