/** MongoDB goes away in the middle of a batch, and is back for the next call: nothing counts as done that was not answered. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { value } from "../contract/store.ts";
import { startProxy, type TcpProxy } from "../failure/proxy.ts";
import { sideOf } from "./collections.ts";
import { createNote } from "./note.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let proxy: TcpProxy;
let proxied: MongoClient;
beforeAll(async () => {
  system = await startReplication();
  proxy = await startProxy(system.replicaUri);
  const uri = new URL(system.replicaUri);
  uri.host = `127.0.0.1:${proxy.port}`;
  uri.searchParams.set("directConnection", "true");
  proxied = new MongoClient(uri.href, { retryWrites: false, retryReads: false });
});
afterAll(async () => {
  await proxied?.close();
  await proxy?.stop();
  await system?.stop();
});

test("rows whose batch was not answered are sent again", async () => {
  await system.drain();
  await system.fill(3);
  const worker = system.worker({ mongo: sideOf(proxied) });
  const lost = proxy.loseAnswerTo(/^update$/);
  expect((await worker.copyBatch())._unsafeUnwrapErr().code).toBe("unavailable");
  await lost;
  expect(value(await system.source.status()).pending).toBe(3);
  expect(value(await worker.run())).toMatchObject({ stale: 3, isDrained: true });
  expect(await system.verify()).toEqual([]);
});

test("documents of which it is not known whether they were cleared are sent again", async () => {
  const note = createNote(system);
  await note.make();
  const collector = system.collector({ mongo: sideOf(proxied) });
  const lost = proxy.loseAnswerTo(/^update$/);
  expect((await collector.collectBatch())._unsafeUnwrapErr().code).toBe("unavailable");
  await lost;
  value(await collector.run());
  await note.settled("A note");
});
