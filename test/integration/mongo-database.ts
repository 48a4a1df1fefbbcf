/** A prepared MongoDB database of a test file's own, with the commands that are sent to it. */

import type { CommandStartedEvent, Db } from "mongodb";
import { MongoClient } from "mongodb";
import { homeCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { MONGODB } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";

export interface TestDatabase {
  db: Db;
  /** names and bodies of the commands that ran since the last call */
  sent(): CommandStartedEvent[];
  close(): Promise<void>;
}

export async function openDatabase(
  purpose: string,
  collections: readonly Collection[] = homeCollections,
): Promise<TestDatabase> {
  const name = `switchyard_${purpose}_${crypto.randomUUID().slice(0, 8)}`;
  const client = new MongoClient(mongoUriFor(name), { monitorCommands: true });
  const events: CommandStartedEvent[] = [];
  client.on("commandStarted", (event) => events.push(event));
  const db = client.db(name);
  await prepareMongo(db, collections, MONGODB);
  return {
    db,
    sent: () => events.splice(0),
    async close() {
      await db.dropDatabase();
      await client.close();
    },
  };
}
