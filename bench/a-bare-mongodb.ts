/** The driver alone, with the very commands that our repository was seen to send. */
import { type CommandStartedEvent, type Document, type InsertOneOptions, MongoClient, UUID } from "mongodb";
import { uuidv7 } from "uuidv7";
import { createMongoClient } from "../shared/mongo/client.ts";
import { mongoRepositories } from "../shared/mongo/index.ts";
import { type Comparison, inOrder, OPERATIONS, type Operation, ourCalls } from "./a-repositories.ts";
import type { Bench } from "./environment.ts";

export async function bareMongo(bench: Bench): Promise<Comparison> {
  const userId = crypto.randomUUID() as string;
  const client = createMongoClient(bench.mongoUri, { appName: "switchyard-bench" });
  const bare = new MongoClient(bench.mongoUri);
  bench.atEnd(() => Promise.all([client.close(), bare.close()]));
  const { calls, ids } = await ourCalls(mongoRepositories({ db: client.db(), userId }));
  const sent = await commandsOf(bench, userId, client);
  const [insert, parent] = sent.create as [Document, Document];
  const [get] = sent.get as [Document];
  const [list] = sent["list-20"] as [Document];
  const [update] = sent.update as [Document];

  const expenses = bare.db().collection("expenses");
  const categories = bare.db().collection("categories");
  const next = inOrder(ids);
  const keyOf = (id: string) => ({ user_id: new UUID(userId), id: new UUID(id) });
  const insertOne = (options: InsertOneOptions = {}) =>
    expenses.insertOne({ ...insert.documents[0], _id: keyOf(uuidv7()) }, options);
  return {
    ours: calls,
    bare: {
      create: async () => {
        await insertOne({ maxTimeMS: insert.maxTimeMS, writeConcern: insert.writeConcern });
        await categories.findOne(parent.filter, { maxTimeMS: parent.maxTimeMS });
      },
      get: () => expenses.findOne({ ...get.filter, _id: keyOf(next()) }, { maxTimeMS: get.maxTimeMS }),
      "list-20": () =>
        expenses
          .find(list.filter, {
            sort: list.sort,
            limit: list.limit,
            batchSize: list.batchSize,
            maxTimeMS: list.maxTimeMS,
          })
          .toArray(),
      update: () =>
        expenses.findOneAndUpdate({ ...update.query, _id: keyOf(next()) }, update.update, {
          returnDocument: "after",
          maxTimeMS: update.maxTimeMS,
          writeConcern: update.writeConcern,
        }),
    },
    plain: () => insertOne(),
  };
}

/** The commands that each operation sends, from a client that is watched (and for that reason not measured). */
async function commandsOf(
  { mongoUri }: Bench,
  userId: string,
  { writeConcern }: MongoClient,
): Promise<Record<Operation, Document[]>> {
  const watched = new MongoClient(mongoUri, { monitorCommands: true, ...(writeConcern && { writeConcern }) });
  try {
    const events: CommandStartedEvent[] = [];
    const { calls } = await ourCalls(mongoRepositories({ db: watched.db(), userId }), 1);
    watched.on("commandStarted", (event) => events.push(event));
    const sent: Partial<Record<Operation, Document[]>> = {};
    for (const operation of OPERATIONS) {
      await calls[operation]();
      sent[operation] = events.splice(0).map(({ command }) => command);
    }
    return sent as Record<Operation, Document[]>;
  } finally {
    await watched.close();
  }
}
