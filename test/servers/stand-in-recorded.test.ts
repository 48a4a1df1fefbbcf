/**
 * The stand-in against the real server, command by command: what the contract's suite, random histories and the system's
 * own work send is recorded, and then sent to both, each starting with nothing. Every reply of one has to be the other's.
 */
import type { Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type StandIn, startStandIn } from "../../scripts/dev/mongo-stand-in/index.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { mongoStore } from "../contract/mongo-store.ts";
import type { Store } from "../contract/store.ts";
import { contract } from "../contract/suite/index.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { runHistories, runSystemWork } from "./project-work.ts";
import { Recording } from "./recording.ts";
import { comparable, documentsOf, settled } from "./replies.ts";
import { type WireClient, wireClient } from "./wire-client.ts";

const DATABASE = `recorded_${crypto.randomUUID().slice(0, 8)}`;
const SHOWN = 5;
const recording = new Recording();
let standIn: StandIn;
let monitored: string;
beforeAll(async () => {
  standIn = await startStandIn({ port: 0, file: ":memory:" });
  monitored = `${standIn.uri}/${DATABASE}?monitorCommands=true`;
});
afterAll(() => standIn?.stop());

describe("what is recorded: the contract", () => {
  let store: Store;
  beforeAll(async () => {
    store = await mongoStore(monitored, DATABASE, { watch: (client) => recording.watch(client) });
  });
  contract(() => store);

  test("and histories, and the work of the system", async () => {
    const client = createMongoClient(monitored, { appName: "switchyard-recorded" });
    recording.watch(client);
    const [somebody = ""] = await runHistories(client, 4, 250);
    await runSystemWork(client, somebody);
    await client.close();
    // now it may drop its database
    await store.close();
  });
});

describe("what was recorded", () => {
  let clients: [WireClient, WireClient];
  beforeAll(async () => {
    clients = [await wireClient(standIn.uri), await wireClient(mongoUriFor(DATABASE))];
  });
  afterAll(async () => {
    for (const client of clients ?? []) {
      await client.send({ dropDatabase: 1, $db: DATABASE });
      client.close();
    }
  });

  test("has the same replies from the stand-in and the real server", async () => {
    const differences: string[] = [];
    for (const command of recording) {
      const [ours, theirs] = await Promise.all(clients.map((client) => replyTo(client, command)));
      if (JSON.stringify(ours) !== JSON.stringify(theirs))
        differences.push(JSON.stringify({ command, standIn: ours, server: theirs }));
      if (differences.length >= SHOWN) break;
    }
    expect(differences).toEqual([]);
    const all = [
      "aggregate",
      "create",
      "createIndexes",
      "delete",
      "find",
      "findAndModify",
      "insert",
      "listCollections",
    ];
    expect(Object.keys(recording.names).sort()).toEqual(
      expect.arrayContaining([...all, "listIndexes", "ping", "update"]),
    );
    expect([...recording].length).toBeGreaterThan(3_000);
  });
});

/** The reply, with all documents of its cursor. */
async function replyTo(client: WireClient, command: Document): Promise<unknown> {
  const first = await client.send(command);
  const documents = documentsOf(command, first);
  const [name = "", collection] = Object.entries(command)[0] ?? [];
  let next = first;
  while (next.cursor && String(next.cursor.id) !== "0") {
    next = await client.send({ getMore: next.cursor.id, collection, $db: command.$db });
    if (Number(next.ok) !== 1) throw new Error(`getMore after ${name}: ${JSON.stringify(next)}`);
    documents.push(...documentsOf(command, next));
  }
  const reply = Object.entries(comparable(command, first)).sort(([left], [right]) => (left < right ? -1 : 1));
  return { reply, documents: settled(command, documents) };
}
