/** Transactions, with the answers that the project counts on: of the stand-in and of a real server alike. */
import { type ClientSession, type Document, MongoServerError } from "mongodb";
import { afterEach, beforeEach, expect, it } from "vitest";
import { client, ids, refusal, things, useDatabase } from "./parity.ts";

useDatabase();

const open: ClientSession[] = [];
const begin = () => {
  const session = client.startSession({ causalConsistency: false });
  open.push(session);
  session.startTransaction({ readConcern: { level: "snapshot" }, writeConcern: { w: "majority" } });
  return session;
};
beforeEach(async () => {
  await things.createIndex({ n: 1 }, { unique: true, partialFilterExpression: { n: { $type: "int" } } });
  await things.insertMany([{ _id: 1 }, { _id: 2 }] as Document[]);
});
afterEach(async () => {
  for (const session of open.splice(0)) await session.endSession();
});
const set = (_id: number, a: unknown, session?: ClientSession) =>
  things.updateOne({ _id: _id as never }, { $set: { a } }, session && { session });
const read = async (_id: number, session?: ClientSession) =>
  (await things.findOne({ _id: _id as never }, session && { session }))?.a;
const all = async (session: ClientSession) =>
  (await things.find({}, { session }).sort({ _id: 1 }).toArray()).map(({ _id }) => _id);

it("shows what it writes to itself alone, until it commits all of it", async () => {
  const session = begin();
  await set(1, "changed", session);
  await things.insertOne({ _id: 3 as never }, { session });
  await things.deleteOne({ _id: 2 as never }, { session });
  expect([await read(1, session), await all(session)]).toEqual(["changed", [1, 3]]);
  expect([await read(1), await ids({})]).toEqual([undefined, [1, 2]]);
  await session.commitTransaction();
  expect([await read(1), await ids({})]).toEqual(["changed", [1, 3]]);
});

it("leaves nothing when it is aborted", async () => {
  const session = begin();
  await set(1, "changed", session);
  await things.insertOne({ _id: 3 as never, n: 1 }, { session });
  await session.abortTransaction();
  expect([await read(1), await ids({})]).toEqual([undefined, [1, 2]]);
  await things.insertOne({ _id: 4 as never, n: 1 });
});

it("reads from its beginning, whatever others commit, and they read what is there", async () => {
  const session = begin();
  expect(await all(session)).toEqual([1, 2]);
  await set(1, "later");
  await things.insertOne({ _id: 3 as never });
  expect([await read(1, session), await all(session)]).toEqual([undefined, [1, 2]]);
  await set(2, "own", session);
  expect([await read(2, session), await read(1)]).toEqual(["own", "later"]);
  await session.commitTransaction();
  expect([await read(1), await read(2), await ids({})]).toEqual(["later", "own", [1, 2, 3]]);
});

it("may not change what others have changed since it began", async () => {
  const session = begin();
  await read(2, session);
  await set(1, "first");
  const error = await set(1, "second", session).catch((reason) => reason);
  expect(error).toBeInstanceOf(MongoServerError);
  expect([error.code, error.errorLabels]).toEqual([112, ["TransientTransactionError"]]);
  // it is over
  await session.abortTransaction();
  expect(await read(1)).toBe("first");
});

it("of two that write one document, the first wins", async () => {
  const [first, second] = [begin(), begin()];
  await read(2, second);
  await set(1, "first", first);
  const later = refusal(set(1, "second", second));
  await first.commitTransaction();
  expect(await later).toMatchObject({ code: 112 });
  expect(await read(1)).toBe("first");
});

it("a write outside waits for it, and comes after", async () => {
  const session = begin();
  await set(1, "inside", session);
  const outside = things.updateOne({ _id: 1 as never }, [{ $set: { a: { $concat: ["$a", ", outside"] } } }]);
  await set(2, "free");
  await session.commitTransaction();
  await outside;
  expect([await read(1), await read(2)]).toEqual(["inside, outside", "free"]);
});

it("a duplicate key in it is one, and ends it", async () => {
  const session = begin();
  await things.insertOne({ _id: 3 as never }, { session });
  expect(await refusal(things.insertOne({ _id: 1 as never }, { session }))).toMatchObject({ code: 11000 });
  await session.abortTransaction();
  expect(await ids({})).toEqual([1, 2]);
});

it("a unique key that it takes is taken from others, and free again when it is aborted", async () => {
  const session = begin();
  await things.insertOne({ _id: 3 as never, n: 7 }, { session });
  const outside = things.insertOne({ _id: 4 as never, n: 7 });
  await session.abortTransaction();
  await outside;
  expect(await ids({ n: 7 })).toEqual([4]);
});
