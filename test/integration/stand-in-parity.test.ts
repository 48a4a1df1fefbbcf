/**
 * What the project asks of MongoDB, with the answers it counts on: the same expectations for the stand-in and for a real
 * server, so that the stand-in is trusted no further than it is compared.
 */
import { randomUUID } from "node:crypto";
import { type Document, Long } from "mongodb";
import { expect, it } from "vitest";
import { ADA, BIG, BOB, client, exact, ids, int, money, refusal, shown, things, useDatabase } from "./parity.ts";

useDatabase();

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

it("shows a view's documents, as they are by then, and takes no writes of it", async () => {
  await things.insertMany([
    { _id: 1, a: 1, b: "x" },
    { _id: 2, a: 2, gone: true },
    { _id: 3, a: 3 },
  ] as Document[]);
  const db = client.db(things.dbName);
  const view = { viewOn: things.collectionName, pipeline: [{ $match: { gone: null } }, { $unset: ["b"] }] };
  await db.createCollection("present", view);
  const present = db.collection<{ _id: number; a?: number }>("present");
  expect(await present.find({}).sort({ _id: -1 }).toArray()).toEqual([
    { _id: 3, a: 3 },
    { _id: 1, a: 1 },
  ]);
  await things.updateOne({ _id: 3 } as Document, { $set: { gone: true } });
  expect([await present.countDocuments({ a: { $gt: 0 } }), await present.findOne({ _id: 3 })]).toEqual([1, null]);
  expect(await present.aggregate([{ $group: { _id: null, sum: { $sum: "$a" } } }]).toArray()).toEqual([
    { _id: null, sum: 1 },
  ]);
  await expect(present.insertOne({ _id: 4 })).rejects.toThrow(/view/);
  expect(await db.listCollections({ name: "present" }).toArray()).toMatchObject([{ type: "view", options: view }]);
  await db.command({ collMod: "present", ...view, pipeline: [] });
  expect(await present.countDocuments()).toBe(3);
  await present.drop();
});
