/** What is on disk: everything acknowledged, also after SIGKILL. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Decimal128, Long, MongoClient } from "mongodb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startStandIn } from "../../scripts/dev/mongo-stand-in/index.ts";
import { PATIENT } from "../setup/patience.ts";

let folder: string;
let file: string;
const undo: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stand-in-"));
  file = join(folder, "mongo.sqlite");
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  rmSync(folder, { recursive: true, force: true });
});

async function started() {
  const standIn = await startStandIn({ port: 0, file });
  undo.push(() => standIn.stop());
  return { standIn, client: await connected(standIn.uri) };
}

async function connected(uri: string): Promise<MongoClient> {
  const client = await MongoClient.connect(uri);
  undo.push(() => client.close());
  return client;
}

const MODULE = new URL("../../scripts/dev/mongo-stand-in/index.ts", import.meta.url).href;

/** A stand-in in a process of its own, which says its URI or why it did not start. */
async function spawned(): Promise<{ child: ChildProcess; said: string }> {
  const script = `import { startStandIn } from ${JSON.stringify(MODULE)};
    startStandIn({ port: 0, file: ${JSON.stringify(file)} }).then(({ uri }) => console.log(uri), (e) => console.log(e.message));`;
  const child = spawn("node_modules/.bin/node", ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  undo.push(() => child.kill("SIGKILL"));
  const [said] = await once(child.stdout, "data");
  return { child, said: String(said).trim() };
}

it("has collections, validators, indexes, values and their types after a restart", async () => {
  const first = await started();
  const validator = { $jsonSchema: { required: ["m"] } };
  const kept = await first.client.db("app").createCollection("kept", { validator });
  await kept.createIndex({ n: 1 }, { unique: true });
  const doc = { _id: "b" as never, m: Decimal128.fromString("1.10"), n: Long.fromString("9007199254740993") };
  await kept.insertOne(doc);
  await kept.insertOne({ _id: "a" as never, m: null, n: 2 });
  await first.client.close();
  await first.standIn.stop();
  undo.length = 0;

  const { client } = await started();
  const again = client.db("app").collection("kept");
  expect(await again.find({}, { promoteLongs: false }).toArray()).toEqual([doc, { _id: "a", m: null, n: 2 }]);
  await expect(again.insertOne({ m: 1, n: 2 })).rejects.toMatchObject({ code: 11000 });
  await expect(again.insertOne({ n: 3 })).rejects.toMatchObject({ code: 121 });
});

it("loses no acknowledged write to SIGKILL", async () => {
  const { child, said } = await spawned();
  const client = await connected(said);
  const writes = client.db("app").collection<{ _id: number; n: number }>("writes");
  const acknowledged = new Set<number>();
  let next = 0;
  const writer = async () => {
    for (;;) {
      const _id = next++;
      await writes.insertOne({ _id, n: 0 });
      await writes.updateOne({ _id }, { $inc: { n: 1 } });
      acknowledged.add(_id);
    }
  };
  const load = Promise.allSettled(Array.from({ length: 8 }, writer));
  await vi.waitUntil(() => acknowledged.size > 300, PATIENT);
  child.kill("SIGKILL");
  await load;

  const { client: second } = await started();
  const found = await second.db("app").collection<{ _id: number; n: number }>("writes").find({ n: 1 }).toArray();
  const kept = new Set(found.map(({ _id }) => _id));
  expect([...acknowledged].filter((_id) => !kept.has(_id))).toEqual([]);
});

it("tells a second process that the file is taken, and the first one goes on", async () => {
  const { client } = await started();
  const { said } = await spawned();
  expect(said).toBe(`${file} is in use by another process`);
  await expect(client.db("app").collection("x").insertOne({})).resolves.toBeTruthy();
});

it("lets documents go when their time is over", async () => {
  const { client, standIn } = await started();
  const notes = client.db("app").collection("notes");
  await notes.createIndex({ at: 1 }, { expireAfterSeconds: 60 });
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
  await notes.insertMany([{ n: 1, at: ago(61) }, { n: 2, at: ago(10) }, { n: 3 }, { n: 4, at: "1970" }]);
  standIn.reap(Date.now());
  expect((await notes.find().toArray()).map(({ n }) => n)).toEqual([2, 3, 4]);
});
