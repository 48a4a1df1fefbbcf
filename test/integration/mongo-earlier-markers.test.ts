/** What writers left in MongoDB when references were kept by markers: `prepare` mends it, once. */

import { type Document, MongoServerError, UUID } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collections, homeCollections } from "../../shared/collections/index.ts";
import { NotAReplicaSet, prepareMongo } from "../../shared/mongo/prepare.ts";
import { outcome, value } from "../contract/store.ts";
import { homeId, MONGODB, mongoRepositories } from "../setup/repositories.ts";
import { dangling } from "./dangling.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";
import { trips } from "./trips.ts";

const { categories, loans, loan_payments } = collections;
const all = [...homeCollections, trips];
const userId = crypto.randomUUID() as string;

let database: TestDatabase;
let repository: ReturnType<typeof mongoRepositories>["repository"];
beforeAll(async () => {
  database = await openDatabase("earlier_markers", all);
  repository = mongoRepositories({ db: database.db, userId, all }).repository;
});
afterAll(() => database.close());

const newId = () => crypto.randomUUID() as string;
const newCategory = async () => value(await repository(categories).create({ name: "c", kind: "expense" })).id;
const stored = (collection: string, id: string) =>
  database.db.collection(collection).findOne({ _id: homeId(userId, id) as never });
const indexNames = async () => (await database.db.collection("trips").listIndexes().toArray()).map(({ name }) => name);

/** A trip that an update has led to `category`, and whose marker is still there. */
async function pending(category: string, marker: Document): Promise<string> {
  const { id } = value(await repository(trips).create({ title: "t" }));
  await mark("trips", id, { category_id: new UUID(category), ...marked(marker) });
  return id;
}
const marked = (marker: Document) => ({
  _refs_pending: { token: newId(), at: new Date(), created: false, hash: null, fields: {}, ...marker },
});
const mark = (collection: string, id: string, fields: Document) =>
  database.db.collection(collection).updateOne({ _id: homeId(userId, id) as never }, { $set: fields });
/** As the earlier version had it. */
const addIndex = () =>
  database.db
    .collection("trips")
    .createIndex(
      { "_refs_pending.at": 1 },
      { name: "_refs_pending_idx", partialFilterExpression: { "_refs_pending.at": { $exists: true } } },
    );

test("leads records back to what is there, buries what was never sure, and takes every marker away", async () => {
  const [there, other] = [await newCategory(), await newCategory()];
  const [gone, goneToo] = [newId(), newId()];
  await addIndex();
  const holds = await pending(there, { before: null });
  const back = await pending(gone, { before: { category_id: new UUID(there) } });
  const further = await pending(gone, {
    before: { category_id: new UUID(goneToo) },
    fields: { category_id: [new UUID(there), new UUID(other), new UUID(goneToo)] },
  });
  const empty = await pending(gone, { before: null, fields: { category_id: [new UUID(goneToo)] } });
  const unsure = await pending(gone, { created: true });
  // of two that were just being made, one refers to the other, which refers to nothing
  const contact = value(await repository(collections.contacts).create({ name: "Ada" })).id;
  const terms = { direction: "lent", amount: "1", currency: "EUR", date: "2026-01-01" } as const;
  const loan = value(await repository(loans).create({ ...terms, contact_id: contact })).id;
  const payment = value(await repository(loan_payments).create({ loan_id: loan, amount: "1", date: "2026-01-02" })).id;
  await mark("loans", loan, { contact_id: new UUID(gone), ...marked({ created: true }) });
  await mark("loan_payments", payment, marked({ created: true }));
  await mark("categories", other, { _deleting: { token: newId(), at: new Date() } });
  const before = value(await repository(trips).get(back));

  await prepareMongo(database.db, all, MONGODB);

  const read = async (id: string) => value(await repository(trips).get(id)).category_id;
  expect([await read(holds), await read(back), await read(further), await read(empty)]).toEqual([
    there,
    there,
    other,
    null,
  ]);
  expect(value(await repository(trips).get(back)).version).toBeGreaterThan(before.version);
  expect(outcome(await repository(trips).get(unsure))).toBe("not_found");
  expect(outcome(await repository(loans).get(loan))).toBe("not_found");
  expect(outcome(await repository(loan_payments).get(payment))).toBe("not_found");
  expect((await stored("trips", unsure))?._deleted_at).toBeInstanceOf(Date);
  for (const { name } of all) {
    const marker = { $or: [{ _refs_pending: { $exists: true } }, { _deleting: { $exists: true } }] };
    expect([name, await database.db.collection(name).countDocuments(marker)]).toEqual([name, 0]);
  }
  expect(await dangling(database.db, userId, all)).toEqual([]);
  expect(await indexNames()).not.toContain("_refs_pending_idx");
});

test("can be run by two at once, and where nothing is left to mend it writes nothing", async () => {
  await addIndex();
  const id = await pending(newId(), { before: null });
  await Promise.all([prepareMongo(database.db, all, MONGODB), prepareMongo(database.db, all, MONGODB)]);
  expect(value(await repository(trips).get(id)).category_id).toBeNull();
  database.sent();
  await prepareMongo(database.db, all, MONGODB);
  const names = new Set(database.sent().map(({ commandName }) => commandName));
  expect([...names].sort()).toEqual(["abortTransaction", "find", "listCollections", "listIndexes"]);
});

test("a server without transactions is refused, with what to do", async () => {
  const refuse = async () => {
    const message = "Transaction numbers are only allowed on a replica set member or mongos";
    throw new MongoServerError({ message, code: 20, codeName: "IllegalOperation" });
  };
  const session = { startTransaction() {}, endSession: async () => {} };
  const db = { client: { startSession: () => session }, collection: () => ({ findOne: refuse }) };
  const refused = prepareMongo(db as never, all, MONGODB);
  await expect(refused).rejects.toBeInstanceOf(NotAReplicaSet);
  await expect(refused).rejects.toThrow(/mongod --replSet rs0.*rs\.initiate\(\)/);
});
