/** The driver alone, with the very commands that our repository was seen to send. */

import {
  type ClientSession,
  type CommandStartedEvent,
  type Document,
  type FindOneAndUpdateOptions,
  type InsertOneOptions,
  MongoClient,
  UUID,
} from "mongodb";
import { uuidv7 } from "uuidv7";
import { createMongoClient } from "../shared/mongo/client.ts";
import { mongoRepositories } from "../test/setup/repositories.ts";
import { type Comparison, inOrder, OPERATIONS, type Operation, ourCalls } from "./a-repositories.ts";
import type { Bench } from "./environment.ts";

export async function bareMongo(bench: Bench): Promise<Comparison> {
  const userId = crypto.randomUUID() as string;
  const client = createMongoClient(bench.mongoUri, { appName: "switchyard-bench" });
  const bare = new MongoClient(bench.mongoUri);
  bench.atEnd(() => Promise.all([client.close(), bare.close()]));
  const { calls, ids } = await ourCalls(mongoRepositories({ db: client.db(), userId }));
  const sent = await commandsOf(bench, userId, client);
  const [get] = sent.get as [Document];
  const [list] = sent["list-20"] as [Document];
  const [update] = sent.update as [Document];
  const [leadIt, touch] = sent["update with a reference"] as [Document, Document];
  const [insert] = sent["create with a reference"] as [Document];

  const expenses = bare.db().collection("expenses");
  const categories = bare.db().collection("categories");
  const next = inOrder(ids);
  const keyOf = (id: string) => ({ user_id: new UUID(userId), id: new UUID(id) });
  const [{ q: parent, u: touched }] = touch.updates;
  const insertOne = (options: InsertOneOptions = {}) =>
    expenses.insertOne({ ...insert.documents[0], _id: keyOf(uuidv7()) }, options);
  const optionsOf = ({ projection, maxTimeMS }: Document) => ({ projection, maxTimeMS });
  const changeOne = ({ query, update: change, fields, maxTimeMS }: Document, options: FindOneAndUpdateOptions = {}) =>
    expenses.findOneAndUpdate({ ...query, _id: keyOf(next()) }, change, {
      returnDocument: "after",
      projection: fields,
      maxTimeMS,
      ...options,
    });
  const { writeConcern } = update;
  /** A write and the touch of its parent. */
  const together = async (write: (session: ClientSession) => Promise<unknown>) => {
    const session = bare.startSession({ causalConsistency: false });
    session.startTransaction({ readConcern: { level: "snapshot" }, writeConcern: { w: "majority" } });
    await write(session);
    await categories.updateOne(parent, touched, { session, maxTimeMS: touch.maxTimeMS });
    await session.commitTransaction();
    await session.endSession();
  };
  return {
    ours: calls,
    bare: {
      get: () => expenses.findOne({ ...get.filter, _id: keyOf(next()) }, optionsOf(get)),
      "list-20": () =>
        expenses
          .find(list.filter, {
            sort: list.sort,
            limit: list.limit,
            batchSize: list.batchSize,
            ...optionsOf(list),
          })
          .toArray(),
      update: () => changeOne(update, { writeConcern }),
      "update with a reference": () => together((session) => changeOne(leadIt, { session })),
      "create with a reference": () =>
        together((session) => insertOne({ session, maxTimeMS: insert.maxTimeMS as number })),
    },
    bar: 1.15,
    beside: {
      "create with a reference": {
        "insertOne and a look at the parent": async () => {
          await insertOne({ maxTimeMS: insert.maxTimeMS, writeConcern });
          await categories.findOne(parent, { maxTimeMS: insert.maxTimeMS });
        },
        "plain insertOne": () => insertOne({ writeConcern }),
      },
    },
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
