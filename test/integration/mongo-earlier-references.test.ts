/** What a reference in MongoDB was before a write that is taken back: kept from deletion until it is there again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { allCollections, collections } from "../../shared/collections/index.ts";
import { type Failpoint, noFailpoint } from "../../shared/mongo/failpoints.ts";
import { mongoRepositories } from "../../shared/mongo/index.ts";
import { settleReferences } from "../../shared/mongo/settle.ts";
import { outcome, value } from "../contract/store.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";
import { dangling, gate } from "./mongo-writers.ts";
import { trips } from "./trips.ts";

const { categories, contacts, loans } = collections;
const all = [...allCollections, trips];

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("earlier_references");
});
afterAll(() => database.close());

const as = (userId: string, failpoint: Failpoint = noFailpoint) =>
  mongoRepositories({ db: database.db, userId, all, failpoint }).repository;
const settle = () => settleReferences(database.db, all, () => Date.now() + 60_000);
const newCategory = async (userId: string) =>
  value(await as(userId)(categories).create({ name: "c", kind: "expense" })).id;
const missing = () => crypto.randomUUID() as string;

test("a parent that the record was led to a moment ago stays while the next lead is taken back", async () => {
  const userId = crypto.randomUUID();
  const [first, second] = [await newCategory(userId), await newCategory(userId)];
  const { id } = value(await as(userId)(trips).create({ title: "t", category_id: first }));
  value(await as(userId)(trips).update(id, { category_id: second }));
  const { failpoint, reached, open } = gate("update:written");
  const refused = as(userId, failpoint)(trips).update(id, { category_id: missing() });
  await reached;
  const removed = await as(userId)(categories).delete(second);
  open();
  expect([outcome(removed), outcome(await refused)]).toEqual(["referenced", "invalid_reference"]);
  expect(value(await as(userId)(trips).get(id)).category_id).toBe(second);
  expect(await dangling(database.db, userId, all)).toEqual([]);
});

test("two leads that are taken back at once leave the one before them", async () => {
  const userId = crypto.randomUUID();
  const [first, second] = [await newCategory(userId), await newCategory(userId)];
  const { id } = value(await as(userId)(trips).create({ title: "t", category_id: first }));
  value(await as(userId)(trips).update(id, { category_id: second }));
  const stopped = async () => {
    const { failpoint, reached, open } = gate("update:written");
    const refused = as(userId, failpoint)(trips).update(id, { category_id: missing() });
    await reached;
    return { open, refused };
  };
  for (const { open, refused } of [await stopped(), await stopped()]) {
    open();
    expect(outcome(await refused)).toBe("invalid_reference");
  }
  expect(value(await as(userId)(trips).get(id)).category_id).toBe(second);
});

test("a reference that a refused update would have emptied keeps its parent", async () => {
  const userId = crypto.randomUUID();
  const category_id = await newCategory(userId);
  const { id } = value(await as(userId)(trips).create({ title: "t", category_id }));
  await settle();
  const { failpoint, reached, open } = gate("update:written");
  const refused = as(userId, failpoint)(trips).update(id, { category_id: null, contact_id: missing() });
  await reached;
  const removed = await as(userId)(categories).delete(category_id);
  open();
  expect([outcome(removed), outcome(await refused)]).toEqual(["referenced", "invalid_reference"]);
  expect(value(await as(userId)(trips).get(id)).category_id).toBe(category_id);
});

test("a parent that is just being deleted is not taken for one that is gone: the record stays, and is led back", async () => {
  const userId = crypto.randomUUID();
  const contact = value(await as(userId)(contacts).create({ name: "Ada" })).id;
  const loan = { direction: "lent", amount: "1", currency: "EUR", date: "2026-01-01" } as const;
  const { id } = value(await as(userId)(loans).create({ ...loan, contact_id: contact }));
  await settle();
  const writing = gate("update:written");
  const refused = as(userId, writing.failpoint)(loans).update(id, { contact_id: missing() });
  await writing.reached;
  const deleting = gate("delete:marked");
  const removed = as(userId, deleting.failpoint)(contacts).delete(contact);
  await deleting.reached;
  value(await as(userId)(loans).update(id, { description: "meanwhile" }));
  writing.open();
  expect(outcome(await refused)).toBe("invalid_reference");
  deleting.open();
  expect(outcome(await removed)).toBe("referenced");
  await settle();
  expect(value(await as(userId)(loans).get(id))).toMatchObject({ contact_id: contact, description: "meanwhile" });
});
