/** Folded text in MongoDB: how much of it there is, that none of it travels, and what becomes of that of earlier code. */
import { BSON, type Document } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { value } from "../contract/store.ts";
import { homeId, MONGODB, mongoRepositories } from "../setup/repositories.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";

const { contacts } = collections;
const everything = { filters: [], sort: { field: "name", direction: "asc" }, limit: 200 } as const;

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("folding");
});
afterAll(() => database.close());

const documents = () => database.db.collection("contacts");
const newOwner = () => {
  const userId = crypto.randomUUID() as string;
  return { userId, repository: mongoRepositories({ db: database.db, userId }).repository(contacts) };
};
const namesFound = async ({ repository }: ReturnType<typeof newOwner>, q: string) =>
  value(await repository.list({ ...everything, q })).items.map(({ name }) => name);

test.each(["\uFDFA", "㍿", "ﷺ😀", "ß", "日", "x"])(
  "a note of %s makes a document of a small multiple",
  async (sign) => {
    const { userId, repository } = newOwner();
    const note = [...sign.repeat(2_000)].slice(0, 2_000).join("");
    const { id } = value(await repository.create({ name: "n", note, phone: note }));
    const size = async () =>
      BSON.calculateObjectSize((await documents().findOne({ _id: homeId(userId, id) as never })) ?? {});
    const own = 2 * Buffer.byteLength(note) + 1_000;
    expect(await size()).toBeLessThan(3.5 * own);
    value(await repository.update(id, { note: `${[...note].slice(1).join("")}y` }));
    expect(await size()).toBeLessThan(3.5 * own);
  },
);

test("no answer to a call brings anything that is not the record's", async () => {
  const { repository, userId } = newOwner();
  const answers: Document[] = [];
  const client = database.db.client;
  const listen = (event: { reply: unknown }) => answers.push(event.reply as Document);
  client.on("commandSucceeded", listen);
  const given = { id: crypto.randomUUID(), name: "Ada", note: "crème" };
  const { version } = value(await repository.create(given, { idempotencyHash: "a" }));
  value(await repository.create(given, { idempotencyHash: "a" }));
  value(await repository.get(given.id));
  value(await repository.list({ ...everything, q: "creme" }));
  value(await repository.update(given.id, { phone: "1" }, { expectedVersion: version }));
  await repository.update(given.id, { phone: "2" }, { expectedVersion: version });
  value(await repository.summarize({ filters: [], by: "name" }));
  value(await repository.count({ filters: [], q: "creme" }));
  client.off("commandSucceeded", listen);
  expect(answers.length).toBeGreaterThan(8);
  const text = JSON.stringify(answers);
  expect(text).toContain("crème");
  expect(text).not.toMatch(/_folded|_touched|search_text|creme/);
  expect(await documents().findOne({ _id: homeId(userId, given.id) as never })).toMatchObject({
    _folded: { name: "ada", note: "creme", email: null, phone: "1" },
  });
});

test("what earlier code has folded is folded again by the preparation, once, and as the record is by then", async () => {
  const owner = newOwner();
  const ids: string[] = [];
  for (let n = 0; n < 205; n++) ids.push(value(await owner.repository.create({ name: `Brûlée ${n}` })).id);
  const earlier = (n: number) => ({ _id: homeId(owner.userId, ids[n] ?? "") as never });
  for (let n = 0; n < ids.length; n++)
    await documents().updateOne(earlier(n), {
      $set: { "_folded.name": `brûlée ${n}`, search_text: `brûlée ${n}` },
    });
  await database.db
    .collection("switchyard")
    .updateOne({ _id: "self" as never }, { $set: { revision: 1, oldest_code: 1 } });
  // still found by its own spelling, if not by another
  expect(await namesFound(owner, "brulee 204")).toEqual([]);
  const versions = () =>
    documents()
      .find({}, { projection: { version: 1 }, sort: { _id: 1 } })
      .toArray();
  value(await owner.repository.update(ids[1] ?? "", { note: "Crème" }));
  const before = await versions();
  await Promise.all([
    prepareMongo(database.db, [contacts as never], MONGODB),
    prepareMongo(database.db, [contacts as never], MONGODB),
  ]);
  expect(await versions()).toEqual(before);
  expect(await documents().countDocuments({ search_text: { $exists: true } })).toBe(0);
  expect(value(await owner.repository.count({ filters: [], q: "brulee" }))).toBe(205);
  expect(await namesFound(owner, "creme")).toEqual(["Brûlée 1"]);
  expect(await database.db.collection("switchyard").findOne({ _id: "self" as never })).toMatchObject({
    revision: 2,
    oldest_code: 2,
  });
});
