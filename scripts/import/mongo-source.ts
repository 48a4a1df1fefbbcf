/**
 * A MongoDB database that an application of its own still lives on, perhaps. Nothing is sent to it but finds, counts and the
 * list of its collections; from a secondary where there is one. No cursor is kept open for long (a server ends one after ten
 * minutes without a call, and its session after thirty): documents are read in pages by `_id`.
 */
import { type Db, type Document, type Filter, MongoClient } from "mongodb";
import type { ImportSource } from "../../shared/imports/source.ts";
import { valuesOf } from "../../shared/imports/source-ids.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { withoutCredentials } from "./without-credentials.ts";

/** $gt compares within one type, so each is gone through by itself; in MongoDB's own order. */
const ID_TYPES = ["number", "string", "binData", "objectId"] as const;
const PAGE = 500;
const OPTIONS = { maxTimeMS: 60_000 };

export interface MongoSourceOptions {
  /** for tests that listen to what is sent */
  onClient?: (client: MongoClient) => void;
}

export function mongoSource(uri: string, { onClient }: MongoSourceOptions = {}): ImportSource {
  const client = new MongoClient(uri, {
    appName: "switchyard-import",
    readPreference: "secondaryPreferred",
    readConcernLevel: "majority",
    // a read that is sent again reads; writes there are none
    retryWrites: false,
    serverSelectionTimeoutMS: 10_000,
    monitorCommands: onClient !== undefined,
  });
  onClient?.(client);
  const db = (): Db => client.db(databaseName(uri));

  async function* pages(from: string): AsyncGenerator<Document> {
    const documents = db().collection(from);
    for (const type of ID_TYPES)
      for (let last: unknown; ; ) {
        const behind = last === undefined ? { $type: type } : { $type: type, $gt: last };
        const page: Document[] = await documents
          .find({ _id: behind } as Filter<Document>, { ...OPTIONS, limit: PAGE, sort: { _id: 1 } })
          .toArray();
        yield* page;
        if (page.length < PAGE) break;
        last = page.at(-1)?._id;
      }
  }

  return {
    title: withoutCredentials(uri),
    guessed: [],
    decimalMark: ".",
    async names() {
      const found = await db()
        .listCollections({}, { nameOnly: true, ...OPTIONS })
        .toArray();
      return found
        .map(({ name }) => name)
        .filter((name) => !name.startsWith("system."))
        .sort();
    },
    read: pages,
    // of a batch of users: over in seconds
    owned: (from, path, keys) =>
      db()
        .collection(from)
        .find({ [path]: { $in: keys.flatMap(valuesOf) } }, OPTIONS),
    count: (from) => db().collection(from).countDocuments({}, OPTIONS),
    close: () => client.close(),
  };
}
