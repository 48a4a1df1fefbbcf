/** What a client may send, wire and bounds included, through the official driver and bare sockets. */
import { once } from "node:events";
import { connect } from "node:net";
import { type Document, Long, MongoClient, MongoServerError, UUID } from "mongodb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type StandIn, startStandIn } from "../../scripts/dev/mongo-stand-in/index.ts";

let standIn: StandIn;
let client: MongoClient;

beforeAll(async () => {
  standIn = await startStandIn({ port: 0, file: ":memory:" });
  client = await MongoClient.connect(standIn.uri);
});
afterAll(async () => {
  await client.close();
  await standIn.stop();
});

const refusal = async (work: Promise<unknown>) => {
  const error = await work.catch((reason: unknown) => reason);
  if (!(error instanceof MongoServerError)) throw error;
  return error;
};

it("says what it is, and that it is a standalone server", async () => {
  expect(await client.db().admin().buildInfo()).toMatchObject({ version: "7.0.0", standIn: true });
  const hello = await client.db().command({ hello: 1 });
  expect(hello).toMatchObject({ isWritablePrimary: true, standIn: true });
  expect(hello).not.toHaveProperty("setName");
});

it("refuses writes that may be retried, as a standalone server does", async () => {
  const write = { insert: "x", documents: [{}], lsid: { id: new UUID() }, txnNumber: Long.ONE };
  expect((await refusal(client.db("x").command(write))).code).toBe(20);
});

it.each<[string, Document, number]>([
  ["an unknown command", { frobnicate: 1 }, 59],
  ["a name of every object", { constructor: 1 }, 59],
  ["an unknown stage", { aggregate: "x", pipeline: [{ $frob: 1 }], cursor: {} }, 40324],
  ["an unknown expression", { aggregate: "x", pipeline: [{ $project: { a: { $frob: 1 } } }], cursor: {} }, 168],
  [
    "an unknown accumulator",
    { aggregate: "x", pipeline: [{ $group: { _id: 1, a: { $frob: 1 } } }], cursor: {} },
    15952,
  ],
  ["a group without _id", { aggregate: "x", pipeline: [{ $group: {} }], cursor: {} }, 15955],
  ["an aggregate without a cursor", { aggregate: "x", pipeline: [] }, 9],
  ["a collation", { find: "x", collation: { locale: "de" } }, 238],
  ["an index that is no tree", { createIndexes: "x", indexes: [{ key: { a: "text" }, name: "a" }] }, 238],
  ["an unknown schema keyword", { create: "y", validator: { $jsonSchema: { frob: 1 } } }, 9],
])("refuses %s by its code", async (_, command, code) => {
  expect((await refusal(client.db("x").command(command))).code).toBe(code);
});

it("names the key of a duplicate", async () => {
  const people = client.db("keys").collection("people");
  await people.createIndex({ "name.first": 1, n: 1 }, { unique: true });
  await people.insertOne({ name: { first: "Ada" }, n: 1 });
  expect(await refusal(people.insertOne({ name: { first: "Ada" }, n: 1 }))).toMatchObject({
    code: 11000,
    keyPattern: { "name.first": 1, n: 1 },
    keyValue: { "name.first": "Ada", n: 1 },
  });
  await expect(people.insertOne({ name: { first: "Eve" }, n: 1 })).resolves.toBeTruthy();
});

it("averages decimals exactly", async () => {
  const sums = client.db("sums").collection("sums");
  const { Decimal128 } = await import("mongodb");
  await sums.insertMany(["0.1", "0.2", "0.2"].map((text) => ({ m: Decimal128.fromString(text) })));
  const [row] = await sums.aggregate([{ $group: { _id: null, mean: { $avg: "$m" } } }]).toArray();
  expect(String(row?.mean)).toBe("0.1666666666666666666666666666666667");
});

it("keeps a schema closed with additionalProperties", async () => {
  const validator = { $jsonSchema: { properties: { _id: {}, a: {} }, additionalProperties: false } };
  const closed = await client.db("schema").createCollection("closed", { validator });
  await closed.insertOne({ a: 1 });
  expect((await refusal(closed.insertOne({ a: 1, b: 1 }))).code).toBe(121);
});

it("takes ten thousand documents in document sequences, and finds one user's through an index", async () => {
  const many = client.db("many").collection<{ _id: { user: number; id: number } }>("many");
  await many.createIndex({ "_id.user": 1 });
  await many.insertMany(Array.from({ length: 10_000 }, (_, id) => ({ _id: { user: id % 10, id } })));
  expect(await many.countDocuments({ "_id.user": 3 })).toBe(1000);
  await many.deleteMany({ "_id.user": { $in: [1, 2] } });
  expect(await many.find({ "_id.user": { $in: [2, 3] } }).toArray()).toHaveLength(1000);
  expect(await many.estimatedDocumentCount()).toBe(8000);
});

it("answers in batches that fit in a message", async () => {
  const large = client.db("large").collection("large");
  const text = "x".repeat(6_000_000);
  for (let n = 0; n < 4; n += 1) await large.insertOne({ n, text });
  expect(
    await large
      .find()
      .sort({ n: 1 })
      .map(({ n }) => n)
      .toArray(),
  ).toEqual([0, 1, 2, 3]);
});

it("refuses documents that grow too large", async () => {
  const large = client.db("large").collection<Document>("grown");
  await large.insertOne({ _id: 1 as never, text: "x".repeat(9_000_000) });
  const grown = large.updateOne({}, [{ $set: { twice: { $concat: ["$text", "$text"] } } }]);
  expect((await refusal(grown)).code).toBe(10334);
});

it("refuses documents that are nested too deeply, and lives", async () => {
  const nested = (depth: number): Document => {
    let doc: Document = {};
    for (let i = 0; i < depth; i += 1) doc = { a: doc };
    return doc;
  };
  const deep = client.db("deep").collection("deep");
  await expect(deep.insertOne(nested(100))).resolves.toBeTruthy();
  expect((await refusal(deep.insertOne(nested(1000)))).code).toBe(15);
  expect(await client.db().command({ ping: 1 })).toMatchObject({ ok: 1 });
});

it.each<[string, Buffer]>([
  ["a message that claims two gigabytes", Buffer.from("ffffff7f000000000000000000000000", "hex")],
  ["a message shorter than its header", Buffer.from("08000000000000000000000000000000", "hex")],
  ["another protocol", Buffer.from("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")],
  ["a document that ends after its message", Buffer.from("190000000100000000000000dd07000000000000ffffff7f00", "hex")],
])("hangs up on %s", async (_, bytes) => {
  const socket = connect(standIn.port, "127.0.0.1");
  socket.write(bytes);
  socket.resume();
  await once(socket, "close");
  expect(await client.db().command({ ping: 1 })).toMatchObject({ ok: 1 });
});

it("reads messages that arrive in pieces and together", async () => {
  const { BSON } = await import("mongodb");
  const body = BSON.serialize({ ping: 1, $db: "admin" });
  const head = Buffer.alloc(21);
  head.writeInt32LE(21 + body.length, 0);
  head.writeInt32LE(2013, 12);
  const message = Buffer.concat([head, body]);
  const socket = connect(standIn.port, "127.0.0.1");
  socket.setNoDelay(true);
  const answers: Buffer[] = [];
  socket.on("data", (chunk) => answers.push(chunk));
  for (const byte of message) socket.write(Buffer.from([byte]));
  socket.write(Buffer.concat([message, message]));
  socket.end();
  await once(socket, "close");
  const all = Buffer.concat(answers);
  expect(all.length / all.readInt32LE(0)).toBe(3);
});
