/** Quotas in MongoDB: counted by one call now and then, exact near the end, and a create stays one call. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { collections, homeCollections } from "../../shared/collections/index.ts";
import { createUsageGate } from "../../shared/mongo/usage.ts";
import type { Quota } from "../../shared/repository/quotas.ts";
import { value } from "../contract/store.ts";
import { mongoRepositories } from "../setup/repositories.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("quotas");
});
afterAll(() => database.close());

/** One user, as an instance of the API sees them; `of` is somebody whom another instance sees. */
function instance(quota: Quota, userId = crypto.randomUUID() as string) {
  let now = 0;
  const usage = createUsageGate({ collections: homeCollections, quota, maxTimeMs: 60_000, clock: () => now });
  const { repository } = mongoRepositories({ db: database.db, userId, usage });
  return {
    userId,
    contacts: repository(collections.contacts),
    categories: repository(collections.categories),
    counted: () => usage.count(database.db, userId),
    later: (ms: number) => {
      now += ms;
    },
  };
}
const sent = async (call: () => Promise<unknown>) => {
  database.sent();
  await call();
  return database.sent().map(({ commandName }) => commandName);
};

test("what is there is counted over all collections, deleted records left out", async () => {
  const ann = instance({ records: 10, bytes: null });
  const made = value(await ann.contacts.create({ name: "a" }));
  value(await ann.categories.create({ name: "c", kind: "expense" }));
  value(await ann.contacts.create({ name: "b" }));
  value(await ann.contacts.delete(made.id));
  const counted = await ann.counted();
  expect(counted).toMatchObject({ records: 2, quota_records: 10, quota_bytes: null });
  expect(counted.bytes).toBeGreaterThan(200);
});

test("a create is one call; counted is at first, after a minute, and after a hundredth of the quota", async () => {
  const ann = instance({ records: 200, bytes: null });
  const create = () => ann.contacts.create({ name: "a" });
  expect(await sent(create)).toEqual(["aggregate", "insert"]);
  expect(await sent(create)).toEqual(["insert"]);
  expect(await sent(create)).toEqual(["insert"]);
  expect(await sent(create)).toEqual(["aggregate", "insert"]);
  expect(await sent(create)).toEqual(["insert"]);
  ann.later(60_001);
  expect(await sent(create)).toEqual(["aggregate", "insert"]);
});

test("at the quota nothing is added, what is there is changed and deleted, and then there is room again", async () => {
  const ann = instance({ records: 2, bytes: null });
  const first = value(await ann.contacts.create({ name: "a" }));
  value(await ann.categories.create({ name: "b", kind: "income" }));
  expect((await ann.contacts.create({ name: "c" }))._unsafeUnwrapErr()).toMatchObject({
    kind: "forbidden",
    code: "quota_exceeded",
    message: expect.stringMatching(/3 records.*may keep 2/),
  });
  value(await ann.contacts.update(first.id, { name: "longer" }));
  value(await ann.contacts.delete(first.id));
  value(await ann.contacts.create({ name: "d" }));
});

test("near the quota what other instances add counts at once", async () => {
  const quota = { records: 10, bytes: null };
  const one = instance(quota);
  const other = instance(quota, one.userId);
  for (let made = 0; made < 5; made++) {
    value(await one.contacts.create({ name: "a" }));
    value(await other.contacts.create({ name: "a" }));
  }
  for (const { contacts } of [one, other])
    expect((await contacts.create({ name: "a" }))._unsafeUnwrapErr().code).toBe("quota_exceeded");
  expect((await one.counted()).records).toBe(10);
});

test("creates at once on one instance pass no quota", async () => {
  const ann = instance({ records: 20, bytes: null });
  const made = await Promise.all(Array.from({ length: 40 }, () => ann.contacts.create({ name: "a" })));
  const refused = made.filter((each) => each.isErr() && each.error.code === "quota_exceeded");
  expect((await ann.counted()).records).toBeLessThanOrEqual(20);
  expect(refused.length).toBeGreaterThanOrEqual(20);
});

test("of bytes: what grows is refused, what shrinks is not", async () => {
  const userId = instance({ records: null, bytes: null });
  const made = value(await userId.contacts.create({ name: "a", note: "n".repeat(1_000) }));
  const ann = instance({ records: null, bytes: (await userId.counted()).bytes + 50 }, userId.userId);
  // an instance that knows nothing yet counts, and knows
  expect((await ann.contacts.create({ name: "b", note: "n".repeat(1_000) }))._unsafeUnwrapErr().code).toBe(
    "quota_exceeded",
  );
  expect((await ann.contacts.update(made.id, { note: "n".repeat(1_900) }))._unsafeUnwrapErr().code).toBe(
    "quota_exceeded",
  );
  value(await ann.contacts.update(made.id, { note: "short" }));
});

test("a create that is repeated with its key finds what it made", async () => {
  const ann = instance({ records: 1, bytes: null });
  const id = crypto.randomUUID() as string;
  const create = () => ann.contacts.create({ id, name: "once" }, { idempotencyHash: "hash" });
  const made = value(await create());
  expect(value(await create())).toEqual(made);
});
