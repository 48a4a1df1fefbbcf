/** The prepared MongoDB against the definitions: what differs is drift, whichever of the two has been changed. */

import { Decimal128, type Document, Long, UUID } from "mongodb";
import type { Result } from "neverthrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import { type Collection, defineCollection, home, owner } from "../../shared/definition/define.ts";
import type { FieldKind } from "../../shared/definition/fields.ts";
import { name as nameField, optional, text } from "../../shared/definition/fields.ts";
import { referencesFrom } from "../../shared/definition/references.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { keptIn } from "../../shared/placement/kept-collections.ts";
import { outcome, value } from "../contract/store.ts";
import { MONGODB, mongoRepositories } from "../setup/repositories.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";

const keyed = defineCollection({
  name: "keyed",
  title: "keyed thing",
  placement: home(),
  scope: owner(),
  fields: { name: nameField(), code: optional(text(20)) },
  unique: [["code"]],
  search: ["name"],
});

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("schema");
});
afterAll(() => database.close());

const optionsOf = async (name: string): Promise<Document> =>
  (await database.db.listCollections({ name }, { nameOnly: false }).toArray())[0]?.options ?? {};
const indexesOf = async (name: string): Promise<Record<string, Document>> =>
  Object.fromEntries(
    (await database.db.collection(name).listIndexes().toArray()).map((index) => [index.name as string, index]),
  );
/** What `prepareMongo` would have to change. */
const drift = async () =>
  (await prepareMongo(database.db, homeCollections, MONGODB)).filter(
    ({ created, validatorChanged, indexes }) => created || validatorChanged || indexes.length > 0,
  );

/** Written here again, so that a change of the adapter's own table is seen. */
const TYPES: Record<FieldKind, string | string[]> = {
  text: "string",
  enum: "string",
  currency: "string",
  day: "string",
  money: "decimal",
  decimal: "decimal",
  integer: "long",
  boolean: "bool",
  instant: "date",
  reference: "binData",
  tags: "array",
  json: ["object", "array", "string", "bool", "int", "long", "double", "decimal"],
};

/** Done again as long as it says so: a database that has much to do does not get to it in time. */
async function settled<T>(work: () => Promise<Result<T, RepositoryError>>): Promise<Result<T, RepositoryError>> {
  const done = await work();
  return outcome(done) === "busy" ? settled(work) : done;
}

const each = homeCollections.map((collection) => [collection.name, collection] as const);

describe.each(each)("%s", (name, collection) => {
  test("has a strict validator with every field's type, length and values", async () => {
    const { validator, validationLevel, validationAction } = await optionsOf(name);
    expect([validationLevel ?? "strict", validationAction ?? "error"]).toEqual(["strict", "error"]);
    const schema = validator.$or[1].$jsonSchema;
    expect(schema.required).toEqual(
      expect.arrayContaining(["_id", ...Object.keys(collection.fields), "version", "created_at", "updated_at"]),
    );
    for (const [key, field] of Object.entries(collection.fields)) {
      const found = schema.properties[key];
      expect([key, found.bsonType]).toEqual([
        key,
        field.required ? TYPES[field.kind] : [TYPES[field.kind], "null"].flat(),
      ]);
      if (field.kind === "text") expect([key, found.maxLength]).toEqual([key, field.maxLength]);
      if (field.values) expect(found.enum.filter((each: unknown) => each !== null)).toEqual(field.values);
      if (field.kind === "tags")
        expect([found.maxItems, found.items.maxLength]).toEqual([field.maxItems, field.maxLength]);
      if (field.sign === "above") expect([String(found.minimum), found.exclusiveMinimum]).toEqual(["0", true]);
    }
  });

  test("has an index for each sort and reference, all of the owner's records only, and one for expiry", async () => {
    const indexes = await indexesOf(name);
    const keys = Object.values(indexes).map(({ key }) => Object.keys(key).join(" "));
    for (const sort of collection.sorts)
      expect(keys).toContain(`_id.user_id ${sort}${sort === "created_at" ? "" : " created_at"} _id.id`);
    for (const { field } of referencesFrom(collection))
      expect(keys.some((key) => key.startsWith(`_id.user_id ${field}`))).toBe(true);
    expect(keys).toContain("_id.user_id _id.id");
    expect(indexes._deleted_at_ttl).toMatchObject({ expireAfterSeconds: 7 * 24 * 3_600 });
    const others = keys.filter((key) => !key.startsWith("_id.user_id"));
    expect(new Set(others)).toEqual(new Set(["_id", "_deleted_at"]));
  });
});

describe("messages of conversations", () => {
  let kept: TestDatabase;
  beforeAll(async () => {
    kept = await openDatabase("kept", keptIn("mongodb", allCollections));
  });
  afterAll(() => kept.close());

  test("have the room and the sender in every document, and are read by either", async () => {
    const [info] = await kept.db.listCollections({ name: "direct_messages" }, { nameOnly: false }).toArray();
    const { required } = (info as Document).options.validator.$or[1].$jsonSchema;
    expect(required).toEqual(expect.arrayContaining(["_id", "conversation_id", "sender_id", "is_deleted"]));
    const indexes = await kept.db.collection("direct_messages").listIndexes().toArray();
    const keys = indexes.map(({ key }) => Object.keys(key).join(" "));
    expect(keys).toEqual(expect.arrayContaining(["conversation_id created_at _id", "sender_id created_at _id"]));
  });
});

test("the database has the collections of the definitions and no others", async () => {
  const names = (await database.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name as string);
  expect(names.filter((name) => !name.startsWith("system.")).sort()).toEqual(
    // the system's own says which database this is
    [...homeCollections.map(({ name }) => name), "switchyard"].sort(),
  );
});

describe("prepare", () => {
  test("changes nothing when it is repeated", async () => {
    expect(await drift()).toEqual([]);
  });

  test("can be run by several at once, on an empty database", async () => {
    const empty = await openDatabase("races", []);
    const runs = await Promise.all(Array.from({ length: 3 }, () => prepareMongo(empty.db, homeCollections, MONGODB)));
    const created = new Set(runs.flatMap((run) => run.filter((each) => each.created).map((each) => each.collection)));
    expect(created).toEqual(new Set(homeCollections.map(({ name }) => name)));
    for (const { created: made, validatorChanged, indexes } of await prepareMongo(empty.db, homeCollections, MONGODB))
      expect([made, validatorChanged, indexes]).toEqual([false, false, []]);
    await empty.close();
  });

  test.each<[string, () => Promise<unknown>]>([
    ["a validator that was loosened", () => database.db.command({ collMod: "expenses", validator: {} })],
    [
      "a validator that is only asked to warn",
      () => database.db.command({ collMod: "expenses", validationAction: "warn" }),
    ],
    ["a missing index", () => database.db.collection("expenses").dropIndex("date_idx")],
    ["a missing collection", () => database.db.collection("expenses").drop()],
    [
      "an index on other keys",
      async () => {
        await database.db.collection("expenses").dropIndex("date_idx");
        await database.db.collection("expenses").createIndex({ date: 1 }, { name: "date_idx" });
      },
    ],
    [
      "another expiry",
      async () => {
        await database.db.collection("expenses").dropIndex("_deleted_at_ttl");
        await database.db
          .collection("expenses")
          .createIndex({ _deleted_at: 1 }, { name: "_deleted_at_ttl", expireAfterSeconds: 60 });
      },
    ],
  ])("sees and repairs %s", async (_, change) => {
    const before = [await optionsOf("expenses"), await indexesOf("expenses")];
    await change();
    expect((await drift()).map(({ collection }) => collection)).toEqual(["expenses"]);
    expect(await drift()).toEqual([]);
    const [options, indexes] = [await optionsOf("expenses"), await indexesOf("expenses")];
    expect(options.validator).toEqual(before[0]?.validator);
    expect(Object.keys(indexes).sort()).toEqual(Object.keys(before[1] ?? {}).sort());
  });
});

describe("validators", () => {
  const valid = (): Document => ({
    _id: { user_id: new UUID(), id: new UUID() },
    amount: Decimal128.fromString("12.50"),
    currency: "EUR",
    date: "2026-03-14",
    category_id: null,
    description: "😀".repeat(2_000),
    payment_method: null,
    tags: ["a"],
    version: Long.fromNumber(10),
    created_at: new Date(),
    updated_at: new Date(),
  });
  const insert = (document: Document) => database.db.collection("expenses").insertOne(document as never);

  test("let through what fits, and tombstones", async () => {
    await insert(valid());
    const { _id } = valid();
    await insert({ _id, version: Long.fromNumber(10), _deleted_at: new Date(), create_hash: null });
  });

  test.each<[string, Document]>([
    ["money as a number", { amount: 12.5 }],
    ["money of 0", { amount: Decimal128.fromString("0") }],
    ["money of 0 in another spelling", { amount: Decimal128.fromString("-0.00") }],
    ["a missing amount", { amount: null }],
    ["a currency in lower case", { currency: "eur" }],
    ["a day with a time", { date: "2026-03-14T00:00" }],
    ["a date for a day", { date: new Date() }],
    ["an id as text", { category_id: crypto.randomUUID() }],
    ["a text that is too long", { description: "x".repeat(2_001) }],
    ["too many tags", { tags: Array(21).fill("a") }],
    ["a tag that is too long", { tags: ["x".repeat(51)] }],
    ["a version that is no long", { version: 1.5 }],
    ["an id of its own", { _id: new UUID() }],
  ])("refuse %s", async (_, fault) => {
    await expect(insert({ ...valid(), ...fault })).rejects.toMatchObject({ code: 121 });
  });
});

describe("unique keys", () => {
  let own: TestDatabase;
  beforeAll(async () => {
    own = await openDatabase("keys", [keyed as Collection]);
  });
  afterAll(() => own.close());
  const repository = (userId = crypto.randomUUID() as string) =>
    mongoRepositories({ db: own.db, userId, all: [keyed as Collection] }).repository(keyed);

  test("hold per owner, for creates and updates, and null and deleted ones are free", async () => {
    const mine = repository();
    const first = value(await mine.create({ name: "a", code: "x" }));
    expect(outcome(await mine.create({ name: "b", code: "x" }))).toBe("duplicate");
    value(await repository().create({ name: "b", code: "x" }));
    const other = value(await mine.create({ name: "b" }));
    value(await mine.create({ name: "c" }));
    expect(outcome(await mine.update(other.id, { code: "x" }))).toBe("duplicate");
    expect(value(await mine.get(other.id))).toEqual(other);
    value(await mine.delete(first.id));
    value(await mine.update(other.id, { code: "x" }));
    expect(outcome(await mine.create({ id: first.id, name: "a", code: "x" }))).toBe("duplicate");
    expect(outcome(await mine.get(first.id))).toBe("not_found");
  });

  test("of no fields leave room for one record, and for another once it is deleted", async () => {
    const single = { ...keyed, name: "single", unique: [[]] } as unknown as typeof keyed;
    const one = await openDatabase("single", [single as Collection]);
    const mine = (userId: string = crypto.randomUUID()) =>
      mongoRepositories({ db: one.db, userId, all: [single as Collection] }).repository(single);
    const records = mine();
    const made = await Promise.all(
      Array.from({ length: 6 }, (_, i) => settled(() => records.create({ name: `n${i}` }))),
    );
    expect(made.map(outcome).sort()).toEqual([...Array(5).fill("duplicate"), "ok"]);
    value(await mine().create({ name: "of another" }));
    const [first] = made.flatMap((each) => (each.isOk() ? [each.value.id] : []));
    value(await records.delete(String(first)));
    value(await records.create({ name: "again" }));
    expect(outcome(await records.create({ name: "twice" }))).toBe("duplicate");
    await one.close();
  });

  test("of creates at the same time exactly one wins", async () => {
    const mine = repository();
    const made = await Promise.all(
      Array.from({ length: 6 }, (_, i) => settled(() => mine.create({ name: `n${i}`, code: "y" }))),
    );
    expect(made.map(outcome).sort()).toEqual([...Array(5).fill("duplicate"), "ok"]);
  });
});
