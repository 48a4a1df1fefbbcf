/** How many commands an operation costs, and that none of them can touch another owner's documents or wait for ever. */

import { type CommandStartedEvent, type Document, MongoServerError, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { outcome, value } from "../contract/store.ts";
import { mongoRepositories } from "../setup/repositories.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";

const { budgets, categories, contacts, expenses, loans } = collections;
const all = { filters: [], sort: { field: "created_at", direction: "asc" }, limit: 10 } as const;

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("calls");
});
afterAll(() => database.close());

describe("commands", () => {
  const userId = crypto.randomUUID() as string;
  let repository: ReturnType<typeof mongoRepositories>["repository"];
  beforeEach(() => {
    repository = mongoRepositories({ db: database.db, userId }).repository;
  });
  const sentBy = async (call: () => Promise<unknown>): Promise<CommandStartedEvent[]> => {
    database.sent();
    await call();
    return database.sent();
  };
  const names = async (call: () => Promise<unknown>) => (await sentBy(call)).map(({ commandName }) => commandName);

  test("one for each operation of a collection without references", async () => {
    const id = crypto.randomUUID() as string;
    expect(await names(async () => value(await repository(contacts).create({ id, name: "a" })))).toEqual(["insert"]);
    expect(await names(async () => value(await repository(contacts).get(id)))).toEqual(["find"]);
    expect(await names(async () => value(await repository(contacts).list(all)))).toEqual(["find"]);
    expect(await names(async () => value(await repository(contacts).update(id, { name: "b" })))).toEqual([
      "findAndModify",
    ]);
    expect(await names(async () => value(await repository(contacts).count({ filters: [], q: "b" })))).toEqual([
      "aggregate",
    ]);
    expect(await names(async () => value(await repository(contacts).summarize({ filters: [] })))).toEqual([
      "aggregate",
    ]);
    // loans refer to contacts
    expect(await names(async () => value(await repository(contacts).delete(id)))).toEqual([
      "aggregate",
      "update",
      "commitTransaction",
    ]);
  });

  test("a transaction with a touch of each parent where references are set, and none where nobody refers", async () => {
    const category = value(await repository(categories).create({ name: "c", kind: "expense" }));
    const id = crypto.randomUUID() as string;
    const spent = { id, amount: "1", currency: "EUR", date: "2026-01-01", category_id: category.id };
    expect(await names(async () => value(await repository(expenses).create(spent)))).toEqual([
      "insert",
      "update",
      "commitTransaction",
    ]);
    expect(await names(async () => value(await repository(expenses).update(id, { category_id: category.id })))).toEqual(
      ["findAndModify", "update", "commitTransaction"],
    );
    expect(await names(async () => value(await repository(expenses).update(id, { category_id: null })))).toEqual([
      "findAndModify",
    ]);
    expect(await names(async () => value(await repository(expenses).delete(id)))).toEqual(["update"]);
  });

  test("all of them name the owner, and say how long they may take", async () => {
    const sent = await sentBy(async () => {
      const contact = value(await repository(contacts).create({ name: "a" }));
      const loan = value(
        await repository(loans).create({
          contact_id: contact.id,
          direction: "lent",
          amount: "1",
          currency: "EUR",
          date: "2026-01-01",
        }),
      );
      value(await repository(loans).list({ ...all, filters: [{ field: "amount", operator: "gt", value: "0" }] }));
      value(await repository(loans).update(loan.id, { amount: "2", contact_id: contact.id }));
      value(await repository(loans).summarize({ filters: [], by: "contact_id" }));
      outcome(await repository(contacts).delete(contact.id));
      value(await repository(loans).delete(loan.id));
      value(await repository(contacts).delete(contact.id));
      value(await repository(budgets).count({ filters: [] }));
    });
    expect(sent.length).toBeGreaterThan(10);
    const own = new UUID(userId).toHexString();
    for (const { commandName, command } of sent) {
      // of the session's own; the driver lets no limit be set for it
      if (commandName === "abortTransaction") continue;
      expect([commandName, command.maxTimeMS > 0]).toEqual([commandName, true]);
      if (commandName === "commitTransaction") continue;
      const parts = ownersOf(command);
      expect([commandName, parts.length > 0 && parts.every((id) => id === own)]).toEqual([commandName, true]);
    }
  });
});

/** The owners that a command's filters, or the documents that it inserts, name. */
function ownersOf(command: Document): string[] {
  const filters: Document[] = [
    command.filter,
    command.query,
    command.pipeline?.[0]?.$match,
    ...(command.pipeline ?? []).map((stage: Document) => stage.$unionWith?.pipeline[0].$match),
    ...(command.updates ?? []).map((update: Document) => update.q),
    ...(command.documents ?? []),
  ].filter(Boolean);
  return filters.map((filter) => {
    const scope = filter._id?.user_id ?? filter["_id.user_id"] ?? filter.$and?.[0]?.["_id.user_id"];
    return scope ? scope.toString() : "nobody";
  });
}

describe("what the server refuses", () => {
  test("a zone that only this runtime knows is a query's fault, a bug is thrown", async () => {
    const failing = (code: number) => {
      const fail = async () => {
        throw new MongoServerError({ message: "refused", code });
      };
      const collection = { aggregate: () => ({ toArray: fail }), findOne: fail, insertOne: fail };
      return mongoRepositories({
        db: { client: {}, collection: () => collection } as never,
        userId: crypto.randomUUID(),
      });
    };
    const byMonth = { filters: [], by: "month", timeZone: "Europe/Berlin" };
    for (const code of [8, 40_485])
      expect(outcome(await failing(code).repository(contacts).summarize(byMonth))).toBe("invalid_query");
    for (const code of [91, 10_107, 11_600, 189])
      expect(outcome(await failing(code).repository(contacts).get(crypto.randomUUID()))).toBe("unavailable");
    for (const code of [24, 46, 50, 112, 251])
      expect(outcome(await failing(code).repository(contacts).get(crypto.randomUUID()))).toBe("busy");
    expect(outcome(await failing(121).repository(contacts).create({ name: "a" }))).toBe("invalid_input");
    await expect(failing(2).repository(contacts).get(crypto.randomUUID())).rejects.toThrow("refused");
  });
});

test("a plain write that the server refuses for another's sake is tried again", async () => {
  const refused: string[] = [];
  const once =
    (name: string, call: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      if (refused.includes(name)) return await call(...args);
      refused.push(name);
      throw new MongoServerError({ message: "deadlock detected", code: 112 });
    };
  const plain = (collection: object) =>
    new Proxy(collection, {
      get(target, name) {
        const call = Reflect.get(target, name).bind(target);
        return ["insertOne", "findOneAndUpdate", "updateOne"].includes(String(name)) ? once(String(name), call) : call;
      },
    });
  const db = { client: database.db.client, collection: (name: string) => plain(database.db.collection(name)) };
  const repository = mongoRepositories({ db: db as never, userId: crypto.randomUUID() }).repository(expenses);
  const made = value(await repository.create({ amount: "1", currency: "EUR", date: "2026-01-01" }));
  value(await repository.update(made.id, { amount: "2" }));
  value(await repository.delete(made.id));
  expect(refused).toEqual(["insertOne", "findOneAndUpdate", "updateOne"]);
});

describe("long integers", () => {
  test("versions up to 2^53 - 1 come back exactly and can be expected", async () => {
    const userId = crypto.randomUUID() as string;
    const early = mongoRepositories({ db: database.db, userId, now: () => 9_007_199_254_000 }).repository(contacts);
    const made = value(await early.create({ name: "a" }));
    expect(made.version).toBeGreaterThan(9_007_199_254_000_000);
    expect(value(await early.get(made.id)).version).toBe(made.version);
    const changed = value(await early.update(made.id, {}, { expectedVersion: made.version }));
    expect(changed.version).toBe(made.version + 8);
    const filters = [{ field: "version", operator: "eq", value: changed.version } as const];
    expect(value(await early.count({ filters }))).toBe(1);
    const stored = await database.db
      .collection("contacts")
      .findOne({ "_id.user_id": new UUID(userId), version: { $type: "long" } });
    expect(stored).not.toBeNull();
  });
});
