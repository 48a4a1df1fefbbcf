/** MongoDB as it is at one instant: of real servers by a snapshot, of what has none by reading until it stands still. */
import { Long, MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mongoSource } from "../../shared/backups/mongo-source.ts";
import { type Line, storedOfLine } from "../../shared/backups/record-lines.ts";
import { contacts } from "../../shared/collections/contacts.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { servers } from "../setup/servers.ts";

let client: MongoClient;
let uri: string;
beforeAll(async () => {
  uri = await preparedMongo("backup_source");
  client = await new MongoClient(uri).connect();
});
afterAll(() => client?.close());

const user = new UUID("0197f0a0-0000-7000-8000-000000000001");
const other = new UUID("0197f0a0-0000-7000-8000-000000000002");
const ids = Array.from({ length: 4 }, (_, n) => new UUID(`0197f0a0-0000-7000-8000-00000000010${n}`));
const document = (id: UUID | undefined, owner: UUID, name: string, version: number) => ({
  ...{ _id: { user_id: owner, id: id as UUID }, name, phone: null, email: null, notes: null },
  ...{ version: Long.fromNumber(version), created_at: new Date(), updated_at: new Date(), create_hash: null },
  _folded: { name },
});

async function namesIn(lines: AsyncIterable<Line>): Promise<unknown[]> {
  const names: unknown[] = [];
  for await (const line of lines) {
    const stored = storedOfLine(contacts, line);
    names.push("record" in stored ? stored.record.name : null);
  }
  return names.sort();
}

test("what is written after it was opened is told by what is read again, or not at all", async () => {
  const collection = client.db().collection<{ _id: { user_id: UUID; id: UUID } }>("contacts");
  const all = { bypassDocumentValidation: true };
  const now = Date.now() * 1_000;
  await collection.insertMany([document(ids[0], user, "Ann", 1_000), document(ids[1], other, "Bob", now)], all);
  const source = await mongoSource(uri, databaseName(uri, undefined), 5_000);
  try {
    // whichever it says, it has to be so; the stand-in has none, and says no instant where it is asked for one
    expect(source.read).toBe(source.again ? "read again by version until still" : "snapshot read");
    if (!servers().dbUrl) expect(source.again).toBeDefined();
    expect(await namesIn(source.lines(contacts))).toEqual(["Ann", "Bob"]);
    await collection.insertOne(document(ids[2], user, "Cid", now + 8), all);
    await collection.replaceOne({ _id: { user_id: other, id: ids[1] as UUID } }, document(ids[1], other, "Bert", now + 16), all);
    if (source.again) {
      expect(await namesIn(source.again(contacts))).toEqual(["Bert", "Cid"]);
      expect(await namesIn(source.again(contacts))).toEqual([]);
    } else expect(await namesIn(source.lines(contacts))).toEqual(["Ann", "Bob"]);
  } finally {
    await source.close();
  }
});

test("by version, by owner, and whether one record is there", async () => {
  const source = await mongoSource(uri, databaseName(uri, undefined), 5_000);
  try {
    expect(await namesIn(source.lines(contacts, { upTo: 1_000 }))).toEqual(["Ann"]);
    expect(await namesIn(source.lines(contacts, { newerThan: 1_000 }))).toEqual(["Bert", "Cid"]);
    expect(await namesIn(source.lines(contacts, { owners: [user.toString()] }))).toEqual(["Ann", "Cid"]);
    const ann = { collection: "contacts", owner: user.toString(), id: String(ids[0]), version: 1_000 };
    expect(await source.has(contacts, ann)).toBe(true);
    expect(await source.has(contacts, { ...ann, version: 1_001 })).toBe(false);
    expect(await source.has(contacts, { ...ann, owner: other.toString() })).toBe(false);
  } finally {
    await source.close();
  }
});
