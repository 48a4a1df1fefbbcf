/**
 * What the project asks of MongoDB, with the answers it counts on: the same expectations for the stand-in and for a real
 * server, so that the stand-in is trusted no further than it is compared.
 */
import { randomUUID } from "node:crypto";
import { BSON, type Collection, Decimal128, type Document, Long, MongoClient, MongoServerError, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { mongoUriFor } from "../setup/servers.ts";

const ADA = new UUID("00000000-0000-4000-8000-000000000001");
const BOB = new UUID("00000000-0000-4000-8000-000000000002");
const BIG = "9007199254740993";
const database = `parity_${randomUUID().slice(0, 8)}`;

let client: MongoClient;
let things: Collection<Document>;

beforeAll(async () => {
  client = await MongoClient.connect(mongoUriFor(database), { serverSelectionTimeoutMS: 5000 });
});
beforeEach(async () => {
  things = client.db().collection(`things_${randomUUID().slice(0, 8)}`);
});
afterAll(async () => {
  await client.db().dropDatabase();
  await client.close();
});

const money = (text: string) => Decimal128.fromString(text);
/** Relaxed enough to read, exact enough to tell the numeric types apart. */
const shown = (value: unknown) => JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
const int = (value: number) => ({ $numberInt: String(value) });
const exact = { promoteValues: false, promoteLongs: false } as const;

async function refusal(work: Promise<unknown>): Promise<{ code: unknown; codeName?: unknown }> {
  const error = await work.then(
    () => new Error("It was not refused"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MongoServerError)) throw error;
  return error.codeName === undefined ? { code: error.code } : { code: error.code, codeName: error.codeName };
}

const ids = async (filter: Document, sort: Document = { _id: 1 }) =>
  (await things.find(filter).sort(sort).toArray()).map(({ _id }) => _id);

const aggregated = async (...pipeline: Document[]) => shown(await things.aggregate(pipeline, exact).toArray());

/** One expression, calculated on one document. */
async function calculated(expression: unknown, doc: Document = {}): Promise<unknown> {
  await things.deleteMany({});
  await things.insertOne({ ...doc, _id: 1 } as Document);
  const [result] = await aggregated({ $project: { _id: 0, value: expression } });
  return result.value;
}

it("orders values as BSON does: types first, numbers by value, strings by UTF-8 bytes", async () => {
  const values = [
    null,
    -1,
    money("0.1"),
    0.5,
    Long.fromString(BIG),
    "",
    "Z",
    "a",
    "\uffee",
    "\u{1f600}",
    { a: 1 },
    { a: "b" },
    ADA,
    BOB,
    false,
    true,
    new Date(-1),
    new Date(1),
  ];
  await things.insertMany(values.map((value, _id) => ({ _id, value })).reverse() as Document[]);
  expect(await ids({}, { value: 1 })).toEqual(values.map((_, index) => index));
  expect(await ids({}, { value: -1 })).toEqual(values.map((_, index) => index).reverse());
});

it("sorts by several keys, the missing one as null, and skips and limits", async () => {
  await things.insertMany([
    { _id: 1, a: 1, b: "x" },
    { _id: 2, a: 1 },
    { _id: 3, a: 1, b: null },
    { _id: 4, a: money("1.0"), b: "y" },
    { _id: 5, a: 0, b: "z" },
  ] as Document[]);
  expect(await ids({}, { a: 1, b: -1, _id: 1 })).toEqual([5, 4, 1, 2, 3]);
  const page = await things.find({}).sort({ a: -1, b: 1, _id: -1 }).skip(1).limit(2).toArray();
  expect(page.map(({ _id }) => _id)).toEqual([2, 1]);
});

it("compares numbers of all types exactly", async () => {
  await things.insertMany([
    { _id: 1, n: Long.fromString(BIG) },
    { _id: 2, n: 9007199254740992 },
    { _id: 3, n: money(`${BIG}.0`) },
    { _id: 4, n: money(`${BIG}.0001`) },
    { _id: 5, n: 7 },
  ] as Document[]);
  expect(await ids({ n: Long.fromString(BIG) })).toEqual([1, 3]);
  expect(await ids({ n: { $gt: Long.fromString(BIG) } })).toEqual([4]);
  expect(await ids({ n: { $lt: money(BIG) } })).toEqual([2, 5]);
  expect(await ids({ n: { $in: [money("7.00"), Long.fromString("9007199254740992")] } })).toEqual([2, 5]);
  expect(await ids({ n: { $type: "decimal" } })).toEqual([3, 4]);
  expect(await ids({ n: { $type: ["long", "int"] } })).toEqual([1, 5]);
});

it.each<[string, Document, number[]]>([
  ["equality with null finds the missing", { a: null }, [3, 4]],
  ["$exists", { a: { $exists: false } }, [4]],
  ["$ne", { a: { $ne: 1 } }, [2, 3, 4, 5]],
  ["$nin", { a: { $nin: [1, null] } }, [2, 5]],
  ["$gt stays within a type", { a: { $gt: 0 } }, [1]],
  ["$gte null", { a: { $gte: null } }, [3, 4]],
  ["$not", { a: { $not: { $gt: 0 } } }, [2, 3, 4, 5]],
  ["$or and $and", { $or: [{ a: 1 }, { $and: [{ a: "text" }, { b: 2 }] }] }, [1, 2]],
  ["$nor", { $nor: [{ a: 1 }, { b: 2 }] }, [3, 4, 5]],
  ["an element of an array", { a: "x" }, [5]],
  ["a path through an array", { "list.n": { $gt: 1 } }, [4]],
  ["$elemMatch", { list: { $elemMatch: { n: 1, m: 2 } } }, [4]],
  ["$all and $size", { a: { $all: ["x", "y"], $size: 2 } }, [5]],
  ["$regex with escaped literals", { t: { $regex: "^50\\% \\(a\\.b\\)" } }, [3]],
  ["$regex without case", { t: { $regex: "ÄB", $options: "i" } }, [2]],
  ["$expr", { $expr: { $gt: ["$b", "$c"] } }, [2]],
])("finds: %s", async (_, filter, expected) => {
  await things.insertMany([
    { _id: 1, a: 1, b: 1, c: 1 },
    { _id: 2, a: "text", b: 2, c: 1, t: "x äb" },
    { _id: 3, a: null, t: "50% (a.b) c" },
    { _id: 4, list: [{ n: 1, m: 2 }, { n: 3 }] },
    { _id: 5, a: ["x", "y"], t: "50% (axb)" },
  ] as Document[]);
  expect(await ids(filter)).toEqual(expected);
});

it("finds by a document as _id, by its fields, and by its order", async () => {
  const first = { user_id: ADA, id: BOB };
  await things.insertMany([
    { _id: first, n: 1 },
    { _id: { user_id: ADA, id: ADA }, n: 2 },
    { _id: { user_id: BOB, id: ADA }, n: 3 },
  ] as Document[]);
  const found = async (filter: Document) => (await things.find(filter).sort({ n: 1 }).toArray()).map(({ n }) => n);
  expect(await found({ _id: first })).toEqual([1]);
  expect(await found({ _id: { id: BOB, user_id: ADA } })).toEqual([]);
  expect(await found({ "_id.user_id": ADA })).toEqual([1, 2]);
  expect(await found({ "_id.user_id": ADA, "_id.id": { $gt: ADA } })).toEqual([1]);
});

it("projects fields in, out and calculated", async () => {
  await things.insertOne({ _id: 1, a: { b: 1, c: 2 }, list: [{ x: 1, y: 2 }], d: 4 } as Document);
  const found = (projection: Document) => things.findOne({}, { projection });
  expect(await found({ "a.b": 1, _id: 0 })).toEqual({ a: { b: 1 } });
  expect(await found({ "list.x": 0, a: 0 })).toEqual({ _id: 1, list: [{ y: 2 }], d: 4 });
  expect(await found({ _id: 0 })).toEqual({ a: { b: 1, c: 2 }, list: [{ x: 1, y: 2 }], d: 4 });
  expect(await found({ sum: { $add: ["$a.b", "$d"] }, "list.y": 1 })).toEqual({ _id: 1, list: [{ y: 2 }], sum: 5 });
});

it("reads a long answer through getMore, and forgets a closed cursor", async () => {
  await things.insertMany(Array.from({ length: 250 }, (_, _id) => ({ _id })) as unknown as Document[]);
  expect(await things.find({}, { batchSize: 7 }).toArray()).toHaveLength(250);
  const { cursor } = await client.db().command({ find: things.collectionName, batchSize: 2 }, { promoteLongs: false });
  expect(cursor.firstBatch).toHaveLength(2);
  await client.db().command({ killCursors: things.collectionName, cursors: [cursor.id] });
  const more = client.db().command({ getMore: cursor.id, collection: things.collectionName });
  expect(await refusal(more)).toEqual({ code: 43, codeName: "CursorNotFound" });
});

it("changes with modifiers", async () => {
  await things.insertOne({ _id: 1, n: 1, big: Long.fromString(BIG), m: money("0.10"), list: [1, 2] } as Document);
  await things.updateOne(
    { _id: 1 } as Document,
    {
      $inc: { n: 2, big: 1, m: money("0.2") },
      $set: { "a.b": 1 },
      $unset: { gone: "" },
      $push: { list: 3 },
    } as Document,
  );
  expect(shown(await things.findOne({}, exact))).toEqual({
    _id: int(1),
    n: int(3),
    big: { $numberLong: "9007199254740994" },
    m: { $numberDecimal: "0.30" },
    list: [int(1), int(2), int(3)],
    a: { b: int(1) },
  });
  await things.updateOne({}, { $pull: { list: { $gt: 1 } }, $addToSet: { tags: { $each: ["x", "x"] } } } as Document);
  expect(await things.findOne({}, { projection: { list: 1, tags: 1 } })).toEqual({ _id: 1, list: [1], tags: ["x"] });
  expect(await things.updateOne({}, { $set: { n: 3 } })).toMatchObject({ matchedCount: 1, modifiedCount: 0 });
});

it("changes with a pipeline, and leaves values in $literal alone", async () => {
  await things.insertOne({ _id: 1, version: Long.fromNumber(17), text: "old", n: null } as Document);
  const next = { $add: [{ $max: ["$version", Long.fromNumber(5)] }, 1] };
  const aligned = { $add: [next, { $mod: [{ $subtract: [2, { $mod: [next, 8] }] }, 8] }] };
  const result = await things.findOneAndUpdate(
    { _id: 1, version: 17 } as Document,
    [
      { $set: { version: aligned, text: { $literal: "$text" }, n: { $ifNull: ["$n", "none"] } } },
      { $set: { same: { $cond: [{ $eq: ["$text", "$n"] }, 1, { $literal: 0 }] } } },
      { $unset: "n" },
    ],
    { returnDocument: "after", ...exact },
  );
  expect(shown(result)).toEqual({ _id: int(1), version: { $numberLong: "18" }, text: "$text", same: int(0) });
  await things.updateOne({}, [
    { $replaceWith: { $mergeObjects: ["$$ROOT", { text: "new", v: { $toLong: "$same" } }] } },
  ]);
  expect(await things.findOne({})).toEqual({ _id: 1, version: 18, text: "new", same: 0, v: 0 });
});

it("upserts what the query says, with modifiers and with a pipeline", async () => {
  const id = { user_id: ADA, id: BOB };
  await things.updateOne(
    { _id: id, kind: "a", n: { $gt: 4 } } as Document,
    { $setOnInsert: { m: 1 }, $set: { k: 2 } },
    { upsert: true },
  );
  expect(await things.findOne({}, { projection: { _id: 0 } })).toEqual({ kind: "a", k: 2, m: 1 });
  expect(await things.findOne({ _id: id } as Document)).not.toBeNull();
  const seen = await things.findOneAndUpdate(
    { _id: "p" } as unknown as Document,
    [{ $set: { n: { $ifNull: ["$n", 1] } } }],
    {
      upsert: true,
      returnDocument: "after",
      includeResultMetadata: true,
    },
  );
  expect(seen.value).toEqual({ _id: "p", n: 1 });
  expect(seen.lastErrorObject).toMatchObject({ n: 1, updatedExisting: false, upserted: "p" });
});

it("finds and modifies: before, after, the first of a sort, removal, nothing", async () => {
  await things.insertMany([
    { _id: 1, n: 1 },
    { _id: 2, n: 2 },
  ] as Document[]);
  const latest = { sort: { n: -1 } } as const;
  expect(await things.findOneAndUpdate({}, { $inc: { n: 10 } } as Document, latest)).toEqual({ _id: 2, n: 2 });
  expect(await things.findOneAndReplace({ _id: 1 } as Document, { x: 1 }, { returnDocument: "after" })).toEqual({
    _id: 1,
    x: 1,
  });
  expect(await things.findOneAndDelete({ n: 12 }, { projection: { n: 1, _id: 0 } })).toEqual({ n: 12 });
  expect(await things.findOneAndDelete({ n: 12 })).toBeNull();
});

it("counts a bulk write's parts, and stops at an error only when ordered", async () => {
  await things.insertOne({ _id: 1 } as Document);
  const writes = () => [2, 1, 3].map((_id) => ({ insertOne: { document: { _id } as unknown as Document } }));
  await expect(things.bulkWrite(writes())).rejects.toMatchObject({ code: 11000, result: { insertedCount: 1 } });
  expect(await ids({})).toEqual([1, 2]);
  const unordered = things.bulkWrite(writes(), { ordered: false });
  await expect(unordered).rejects.toMatchObject({ code: 11000, writeErrors: [{ index: 0 }, { index: 1 }] });
  expect(await ids({})).toEqual([1, 2, 3]);
  const mixed = await things.bulkWrite([
    { updateMany: { filter: {}, update: { $set: { a: 1 } } } },
    { replaceOne: { filter: { _id: 9 } as Document, replacement: { a: 2 }, upsert: true } },
    { deleteOne: { filter: { _id: 2 } as Document } },
  ]);
  expect(mixed).toMatchObject({ matchedCount: 3, modifiedCount: 3, upsertedCount: 1, deletedCount: 1 });
});

it("adds and averages decimals and 64-bit integers without loss", async () => {
  const docs = Array.from({ length: 3000 }, (_, i) => ({
    m: money(`${i}.0001`),
    l: Long.fromString("900719925474099"),
  }));
  await things.insertMany(docs);
  // $avg is left to the unit tests: DocumentDB 1.0 makes a double of it.
  const [totals] = await aggregated(
    {
      $group: {
        _id: null,
        m: { $sum: "$m" },
        l: { $sum: "$l" },
        low: { $min: "$m" },
        high: { $max: "$m" },
        n: { $sum: 1 },
      },
    },
    { $set: { a: { $divide: ["$m", "$n"] } } },
  );
  expect(totals).toEqual({
    _id: null,
    m: { $numberDecimal: "4498500.3000" },
    a: { $numberDecimal: "1499.5001" },
    l: { $numberLong: "2702159776422297000" },
    low: { $numberDecimal: "0.0001" },
    high: { $numberDecimal: "2999.0001" },
    n: int(3000),
  });
});

it.each<[string, unknown, unknown]>([
  [
    "decimals add to the last of 34 digits",
    { $add: [money("9999999999999999999999999999.9999"), money("0.0001")] },
    "10000000000000000000000000000.0000",
  ],
  ["a third of a decimal", { $divide: [money("1"), money("3")] }, "0.3333333333333333333333333333333333"],
  ["two thirds are rounded", { $divide: [money("2"), money("3")] }, "0.6666666666666666666666666666666667"],
  ["a quotient that ends", { $divide: [money("1.00"), money("4")] }, "0.25"],
  ["a product", { $multiply: [money("1.10"), 3] }, "3.30"],
  ["a decimal and a double", { $add: [money("0.1"), 0.2] }, "0.300000000000000"],
  ["a remainder", { $mod: [money("-7.5"), 2] }, "-1.5"],
])("calculates: %s", async (_, expression, expected) => {
  expect(await calculated(expression)).toEqual({ $numberDecimal: expected });
});

it.each<[string, unknown, unknown]>([
  ["ints grow to longs", { $add: [2147483647, 1] }, { $numberLong: "2147483648" }],
  ["longs stay exact", { $subtract: [Long.fromString(BIG), 1] }, { $numberLong: "9007199254740992" }],
  ["the greatest over types", { $max: [1, money("1.5"), Long.fromNumber(1)] }, { $numberDecimal: "1.5" }],
  ["missing is less than null", { $lt: ["$missing", null] }, true],
  ["null makes null", { $add: [1, null] }, null],
  // biome-ignore lint/suspicious/noThenProperty: the server names it so
  ["$switch", { $switch: { branches: [{ case: false, then: 1 }], default: "d" } }, "d"],
  ["bytes of a day", { $substrBytes: ["2026-03-31", 0, 7] }, "2026-03"],
  ["a count beyond the end", { $substrBytes: ["abc", 1, 99] }, "bc"],
  ["code points", { $substrCP: ["a😀b", 1, 1] }, "😀"],
  ["$split, $concat", { $split: [{ $concat: ["a,", "b"] }, ","] }, ["a", "b"]],
  ["$size, $arrayElemAt", { $add: [{ $size: [[1, 2]] }, { $arrayElemAt: [[5, 6], -1] }] }, int(8)],
  ["$map", { $map: { input: [1, 2], as: "n", in: { $multiply: ["$$n", 2] } } }, [int(2), int(4)]],
  ["$filter", { $filter: { input: [1, 2, 3], as: "n", cond: { $gte: ["$$n", 2] } } }, [int(2), int(3)]],
])("evaluates: %s", async (_, expression, expected) => {
  expect(await calculated(expression)).toEqual(expected);
});

it.each<[string, string, string, string]>([
  ["summer in Berlin", "2026-07-31T22:30:00Z", "Europe/Berlin", "2026-08-01 00:30"],
  ["winter in Berlin", "2026-01-31T22:30:00Z", "Europe/Berlin", "2026-01-31 23:30"],
  ["the hour the clocks go back", "2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25 02:30"],
  ["half an hour east", "2026-12-31T19:00:00Z", "Asia/Kolkata", "2027-01-01 00:30"],
  ["far west", "2026-03-01T07:59:00Z", "America/Los_Angeles", "2026-02-28 23:59"],
  ["an offset", "2026-03-01T00:00:00Z", "-03:00", "2026-02-28 21:00"],
])("names a zone's day: %s", async (_, at, timezone, expected) => {
  const date = new Date(at);
  expect(await calculated({ $dateToString: { date, format: "%Y-%m-%d %H:%M", timezone } })).toBe(expected);
});

it("groups by zoned months and by several fields", async () => {
  await things.insertMany([
    { _id: 1, c: "EUR", at: new Date("2026-01-31T23:30:00Z"), m: money("1.10") },
    { _id: 2, c: "EUR", at: new Date("2026-02-10T00:00:00Z"), m: money("2.20") },
    { _id: 3, c: "USD", at: new Date("2026-02-10T00:00:00Z"), m: money("5") },
  ] as Document[]);
  const month = { $dateToString: { date: "$at", format: "%Y-%m", timezone: "Europe/Paris" } };
  const rows = await aggregated(
    { $group: { _id: { c: "$c", month }, total: { $sum: "$m" }, n: { $sum: 1 } } },
    { $sort: { "_id.c": 1 } },
  );
  expect(rows).toEqual([
    { _id: { c: "EUR", month: "2026-02" }, total: { $numberDecimal: "3.30" }, n: int(2) },
    { _id: { c: "USD", month: "2026-02" }, total: { $numberDecimal: "5" }, n: int(1) },
  ]);
});

it("runs the other stages", async () => {
  await things.insertMany([
    { _id: 1, tags: ["a", "b"], p: 2 },
    { _id: 2, tags: [] },
    { _id: 3, p: 9 },
  ] as Document[]);
  expect(await aggregated({ $unwind: "$tags" }, { $project: { _id: 0, tags: 1 } })).toEqual([
    { tags: "a" },
    { tags: "b" },
  ]);
  const kept = await aggregated({ $unwind: { path: "$tags", preserveNullAndEmptyArrays: true } }, { $count: "n" });
  expect(kept).toEqual([{ n: int(4) }]);
  const from = things.collectionName;
  const joined = await aggregated(
    { $match: { p: { $exists: true } } },
    { $lookup: { from, localField: "p", foreignField: "_id", as: "found" } },
    { $project: { n: { $size: "$found" } } },
    { $sort: { _id: 1 } },
  );
  expect(joined).toEqual([
    { _id: int(1), n: int(1) },
    { _id: int(3), n: int(0) },
  ]);
  const [facets] = await aggregated({
    $facet: {
      all: [{ $count: "n" }],
      none: [{ $match: { p: 77 } }],
      top: [{ $sort: { _id: -1 } }, { $skip: 1 }, { $limit: 1 }, { $unset: ["tags"] }],
    },
  });
  expect(facets).toEqual({ all: [{ n: int(3) }], none: [], top: [{ _id: int(2) }] });
  const united = await aggregated(
    { $match: { _id: 1 } },
    { $unionWith: { coll: from, pipeline: [{ $match: { _id: 3 } }] } },
    { $project: { p: 1 } },
  );
  expect(united).toEqual([
    { _id: int(1), p: int(2) },
    { _id: int(3), p: int(9) },
  ]);
  expect((await things.distinct("tags")).sort()).toEqual(["a", "b"]);
  expect(await things.countDocuments({ p: { $gt: 1 } })).toBe(2);
  expect(await things.estimatedDocumentCount()).toBe(3);
});

it("keeps unique keys, in BSON's sense, where the filter of the index says", async () => {
  await things.createIndex({ owner: 1, n: 1 }, { unique: true, name: "once", partialFilterExpression: { live: true } });
  await things.insertMany([
    { owner: ADA, n: 1, live: true },
    { owner: ADA, n: 1 },
    { owner: BOB, n: 1, live: true },
  ] as Document[]);
  const again = () => things.insertOne({ owner: ADA, n: money("1.00"), live: true } as Document);
  await expect(again()).rejects.toMatchObject({ code: 11000, message: expect.stringContaining("once") });
  const joins = things.updateOne({ owner: ADA, live: { $ne: true } }, { $set: { live: true } });
  expect(await refusal(joins)).toEqual({ code: 11000 });
  await things.deleteOne({ owner: ADA, live: true });
  await again();
  expect(await things.countDocuments({ owner: ADA })).toBe(2);
});

it("enforces a collection's schema on inserts and updates", async () => {
  const validator = {
    $jsonSchema: {
      bsonType: "object",
      required: ["name", "amount"],
      properties: {
        _id: {},
        name: { bsonType: "string", minLength: 1, maxLength: 3, pattern: "^[^x]" },
        amount: { bsonType: "decimal", minimum: money("0"), exclusiveMinimum: true, maximum: money("10.5") },
        kind: { enum: ["a", null] },
        tags: { bsonType: "array", maxItems: 2, items: { bsonType: "string" } },
      },
    },
  };
  const checked = await client.db().createCollection(`checked_${randomUUID().slice(0, 8)}`, {
    validator,
    validationLevel: "strict",
    validationAction: "error",
  });
  const good = { name: "😀😀😀", amount: money("10.50"), kind: null, tags: ["a"] };
  await checked.insertOne({ ...good });
  const bad: Document[] = [
    { amount: money("1") },
    { ...good, name: "" },
    { ...good, name: "😀😀😀😀" },
    { ...good, name: "xa" },
    { ...good, amount: 1 },
    { ...good, amount: money("0") },
    { ...good, amount: money("10.5001") },
    { ...good, kind: "b" },
    { ...good, tags: ["a", "b", "c"] },
    { ...good, tags: [1] },
  ];
  for (const doc of bad)
    expect(await refusal(checked.insertOne(doc)), JSON.stringify(doc)).toMatchObject({ code: 121 });
  expect(await refusal(checked.updateOne({}, { $set: { name: "long" } }))).toMatchObject({ code: 121 });
  await client.db().command({ collMod: checked.collectionName, validator: {} });
  await checked.updateOne({}, { $set: { name: "long" } });
  expect(await checked.countDocuments()).toBe(1);
});

it("lists collections and indexes, and drops them", async () => {
  await things.createIndex({ a: 1, "b.c": -1 });
  await things.createIndex({ at: 1 }, { expireAfterSeconds: 60 });
  await things.createIndex({ a: 1, "b.c": -1 });
  const listed = await things.indexes();
  expect(listed.map(({ name, key, expireAfterSeconds }) => ({ name, key, expireAfterSeconds }))).toEqual([
    { name: "_id_", key: { _id: 1 }, expireAfterSeconds: undefined },
    { name: "a_1_b.c_-1", key: { a: 1, "b.c": -1 }, expireAfterSeconds: undefined },
    { name: "at_1", key: { at: 1 }, expireAfterSeconds: 60 },
  ]);
  await things.dropIndex("at_1");
  expect(await things.indexes()).toHaveLength(2);
  const names = async () =>
    (await client.db().listCollections({ name: things.collectionName }).toArray()).map(({ name }) => name);
  expect(await names()).toEqual([things.collectionName]);
  await things.drop();
  expect(await names()).toEqual([]);
});

it.each<[string, () => Promise<unknown>, { code: number; codeName?: string }]>([
  ["an unknown command", () => client.db().command({ frobnicate: 1 }), { code: 59, codeName: "CommandNotFound" }],
  [
    "an unknown query operator",
    () => things.findOne({ a: { $frob: 1 } } as Document),
    { code: 2, codeName: "BadValue" },
  ],
  [
    "an unknown operator at the top",
    () => things.findOne({ $frob: [] } as Document),
    { code: 2, codeName: "BadValue" },
  ],
  ["an unknown modifier", () => things.updateOne({}, { $frob: { a: 1 } } as Document), { code: 9 }],
  [
    "two changes of one path",
    () => things.updateOne({}, { $set: { a: 1 }, $inc: { "a.b": 1 } } as Document),
    { code: 40 },
  ],
  ["a change of _id", () => things.updateOne({}, { $set: { _id: 2 } } as Document), { code: 66 }],
  ["a change of _id by a pipeline", () => things.updateOne({}, [{ $set: { _id: 2 } }]), { code: 66 }],
  ["a duplicate _id", () => things.insertOne({ _id: 1 } as Document), { code: 11000 }],
  ["an increment of a string", () => things.updateOne({}, { $inc: { text: 1 } } as Document), { code: 14 }],
  [
    "a collection that is there",
    () => client.db().createCollection(things.collectionName, { validator: { a: 1 } }),
    { code: 48, codeName: "NamespaceExists" },
  ],
  [
    "an index of another name",
    () => things.createIndex({ a: 1 }, { name: "other" }),
    { code: 85, codeName: "IndexOptionsConflict" },
  ],
  ["an index that is not there", () => things.dropIndex("nowhere"), { code: 27, codeName: "IndexNotFound" }],
])("refuses %s", async (_, work, expected) => {
  await things.insertOne({ _id: 1, text: "a" } as Document);
  await things.createIndex({ a: 1 });
  expect(await refusal(work())).toEqual(expected);
});
