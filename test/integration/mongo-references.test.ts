/** References in MongoDB: what two instances do to each other's records, and what one that is stopped leaves. */

import { type ClientSession, MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { collections, homeCollections } from "../../shared/collections/index.ts";
import { outcome, value } from "../contract/store.ts";
import { startProxy } from "../failure/proxy.ts";
import { homeId, mongoRepositories } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { dangling } from "./dangling.ts";
import { type Instances, openInstances } from "./mongo-instances.ts";
import { trips } from "./trips.ts";

const { categories, contacts, expenses } = collections;
const all = [...homeCollections, trips];

let instances: Instances;
let as: Instances["as"];
beforeAll(async () => {
  instances = await openInstances("references", 2, all);
  as = instances.as;
});
afterAll(() => instances.close());

const newUser = () => crypto.randomUUID() as string;
const newCategory = async (userId: string) =>
  value(await as(userId)(categories).create({ name: "c", kind: "expense" })).id;
const spent = (category_id: string | null) => ({ amount: "1", currency: "EUR", date: "2026-01-01", category_id });

describe("races of two instances", () => {
  test("of child and parent, many rounds and any order: one of the two is refused", async () => {
    const userId = newUser();
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const id = await newCategory(userId);
      const calls = [
        () => as(userId, 1)(categories).delete(id),
        ...Array.from({ length: round % 4 }, () => () => as(userId)(expenses).create(spent(id))),
      ];
      if (round % 2) calls.reverse();
      const results = await Promise.all(calls.map((call) => call()));
      const [removed, ...made] = round % 2 ? results.reverse() : results;
      const created = made.filter((each) => each.isOk()).length;
      seen.add(`${removed?.isOk()} ${created > 0}`);
      expect(removed?.isOk()).toBe(created === 0);
      for (const each of made) expect(["ok", "invalid_reference"]).toContain(outcome(each));
    }
    expect(await dangling(instances.db, userId)).toEqual([]);
    expect(seen.size).toBe(2);
  }, 60_000);

  test("of updates that point elsewhere and deletions of both ends", async () => {
    const userId = newUser();
    for (let round = 0; round < 30; round++) {
      const [from, to] = [await newCategory(userId), await newCategory(userId)];
      const child = value(await as(userId)(expenses).create(spent(from)));
      const [, moved] = await Promise.all([
        as(userId)(categories).delete(to),
        as(userId, 1)(expenses).update(child.id, { category_id: to }),
        as(userId)(categories).delete(from),
      ]);
      const now = value(await as(userId)(expenses).get(child.id));
      expect(now.category_id).toBe(moved.isOk() ? to : from);
      if (moved.isErr()) expect(now).toEqual(child);
    }
    expect(await dangling(instances.db, userId)).toEqual([]);
  }, 60_000);

  test("of many children of one parent: all of them are made", async () => {
    const userId = newUser();
    const id = await newCategory(userId);
    const calls = Array.from({ length: 40 }, (_, index) => as(userId, index % 2)(expenses).create(spent(id)));
    expect((await Promise.all(calls)).map(outcome)).toEqual(calls.map(() => "ok"));
  }, 60_000);
});

describe("an instance that has not committed", () => {
  /** A transaction of somebody else's, held open while `work` begins and until it has come to the parent. */
  const meanwhile = async <T>(write: (session: ClientSession) => Promise<unknown>, work: () => Promise<T>) => {
    const session = instances.db.client.startSession();
    try {
      session.startTransaction();
      await write(session);
      instances.sent();
      const begun = work();
      const comesToTheParent = () =>
        instances
          .sent()
          .some(({ commandName, command }) => commandName === "update" && command.update === "categories");
      await vi.waitUntil(comesToTheParent, { timeout: 10_000, interval: 2 });
      await session.commitTransaction();
      return await begun;
    } finally {
      await session.endSession();
    }
  };
  const touch = (userId: string, id: string) => (session: ClientSession) =>
    instances.db
      .collection("categories")
      .updateOne({ _id: homeId(userId, id) as never }, { $inc: { _touched: 1 } }, { session });

  test("a child: the deletion that has found none begins again, and is refused", async () => {
    const userId = newUser();
    const id = await newCategory(userId);
    const { _id, ...child } = (await storedExpense(userId, id)) as { _id: object };
    const write = async (session: ClientSession) => {
      const other = { ...child, _id: homeId(userId, newUser()) as never };
      await instances.db.collection("expenses").insertOne(other, { session });
      await touch(userId, id)(session);
    };
    expect(outcome(await meanwhile(write, () => as(userId)(categories).delete(id)))).toBe("referenced");
    expect(await dangling(instances.db, userId)).toEqual([]);
  });

  /** As the repository stores one, which is gone again. */
  const storedExpense = async (userId: string, category: string) => {
    const { id } = value(await as(userId)(expenses).create(spent(category)));
    const stored = await instances.db
      .collection("expenses")
      .findOne({ _id: homeId(userId, id) as never }, { promoteValues: false });
    value(await as(userId)(expenses).delete(id));
    return stored;
  };

  test("a deletion: the child that has been written begins again, and is refused", async () => {
    const userId = newUser();
    const id = await newCategory(userId);
    // of a parent that has been touched before
    value(await as(userId)(expenses).delete(value(await as(userId)(expenses).create(spent(id))).id));
    const bury = (session: ClientSession) =>
      instances.db
        .collection("categories")
        .replaceOne({ _id: homeId(userId, id) as never }, { version: 1, _deleted_at: new Date() }, { session });
    const child = await meanwhile(bury, () => as(userId)(expenses).create(spent(id)));
    expect(outcome(child)).toBe("invalid_reference");
    expect(value(await as(userId)(expenses).count({ filters: [] }))).toBe(0);
  });

  test("another child: both are made", async () => {
    const userId = newUser();
    const id = await newCategory(userId);
    expect(outcome(await meanwhile(touch(userId, id), () => as(userId)(expenses).create(spent(id))))).toBe("ok");
  });
});

describe("a parent", () => {
  test("does not show that it is referred to, and can be changed with the version that it had", async () => {
    const userId = newUser();
    const made = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const child = value(await as(userId)(expenses).create(spent(made.id)));
    value(await as(userId)(expenses).update(child.id, { category_id: made.id }));
    expect(value(await as(userId)(categories).get(made.id))).toEqual(made);
    const { items } = value(
      await as(userId)(categories).list({ filters: [], sort: { field: "id", direction: "asc" }, limit: 5 }),
    );
    expect(items).toEqual([made]);
    expect(outcome(await as(userId)(categories).update(made.id, {}, { expectedVersion: made.version }))).toBe("ok");
  });

  test("of several that are not there, each is named, and nothing is written", async () => {
    const userId = newUser();
    const there = value(await as(userId)(contacts).create({ name: "Ada" })).id;
    const body = { title: "t", category_id: newUser(), contact_id: there, follows_id: newUser() };
    const error = (await as(userId)(trips).create(body))._unsafeUnwrapErr();
    expect(error.errors?.map(({ field }) => field)).toEqual(["category_id", "follows_id"]);
    expect(value(await as(userId)(trips).count({ filters: [] }))).toBe(0);
    const stored = await instances.db.collection("contacts").findOne({ _id: homeId(userId, there) as never });
    expect(stored?._touched).toBeUndefined();
  });
});

test("a create whose commit was answered to nobody: the same request again finds it", async () => {
  const userId = newUser();
  const category_id = await newCategory(userId);
  const proxy = await startProxy(mongoUriFor(instances.db.databaseName));
  const client = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, { retryWrites: false });
  try {
    const { repository } = mongoRepositories({ db: client.db(instances.db.databaseName), userId, all });
    const body = { ...spent(category_id), id: newUser() };
    const lost = proxy.loseAnswerTo(/^commitTransaction$/);
    const first = await repository(expenses).create(body, { idempotencyHash: "h" });
    await lost;
    // a server that remembers says once more that it has committed
    expect(["ok", "busy", "unavailable"]).toContain(outcome(first));
    const again = value(await repository(expenses).create(body, { idempotencyHash: "h" }));
    expect(again.id).toBe(body.id);
    expect(value(await repository(expenses).count({ filters: [] }))).toBe(1);
  } finally {
    await client.close();
    await proxy.stop();
  }
});
