/** References in MongoDB under races and crashes: whatever dies where, nothing dangles once it is settled. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { allCollections, collections } from "../../shared/collections/index.ts";
import { mongoRepositories } from "../../shared/mongo/index.ts";
import { settleReferences } from "../../shared/mongo/settle.ts";
import { outcome, value } from "../contract/store.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";
import { dangling, dieAt, gate, pending } from "./mongo-writers.ts";

const { categories, contacts, expenses, loans, loan_payments } = collections;
const MINUTE = 60_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("references");
});
afterAll(() => database.close());

type Options = Omit<Parameters<typeof mongoRepositories>[0], "db" | "userId">;
const as = (userId: string, options: Options = {}) =>
  mongoRepositories({ db: database.db, userId, ...options }).repository;
const newUser = () => crypto.randomUUID() as string;
const spent = (category_id: string | null, amount = "1") => ({
  amount,
  currency: "EUR",
  date: "2026-01-01",
  category_id,
});
const settle = (inMs = MINUTE) => settleReferences(database.db, allCollections, () => Date.now() + inMs);

describe("races", () => {
  test("of child and parent, many rounds and any order: one of the two is refused", async () => {
    const userId = newUser();
    const repository = as(userId);
    const seen = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const { id } = value(await repository(categories).create({ name: "c", kind: "expense" }));
      const calls = [
        () => repository(categories).delete(id),
        ...Array.from({ length: round % 4 }, () => () => repository(expenses).create(spent(id))),
      ];
      if (round % 2) calls.reverse();
      const results = await Promise.all(calls.map((call) => call()));
      const [removed, ...made] = round % 2 ? results.reverse() : results;
      const created = made.filter((each) => each.isOk()).length;
      seen.add(`${removed?.isOk()} ${created > 0}`);
      expect(removed?.isOk()).toBe(created === 0);
      for (const each of made) expect(["ok", "invalid_reference"]).toContain(outcome(each));
    }
    expect(await dangling(database.db, userId)).toEqual([]);
    expect(seen.size).toBe(2);
  }, 60_000);

  test("of updates that point elsewhere and deletions of both ends", async () => {
    const userId = newUser();
    const repository = as(userId);
    for (let round = 0; round < 30; round++) {
      const create = async () => value(await repository(categories).create({ name: "c", kind: "expense" })).id;
      const [from, to] = [await create(), await create()];
      const child = value(await repository(expenses).create(spent(from)));
      const [, moved] = await Promise.all([
        repository(categories).delete(to),
        repository(expenses).update(child.id, { category_id: to }),
        repository(categories).delete(from),
      ]);
      const now = value(await repository(expenses).get(child.id));
      expect(now.category_id).toBe(moved.isOk() ? to : from);
      if (moved.isErr()) expect(now).toEqual(child);
    }
    expect(await dangling(database.db, userId)).toEqual([]);
  }, 60_000);
});

describe("a writer that is stopped", () => {
  test("after it wrote a child: the parent cannot go", async () => {
    const userId = newUser();
    const { failpoint, reached, open } = gate("create:inserted");
    const { id } = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const child = as(userId, { failpoint })(expenses).create(spent(id));
    await reached;
    expect(outcome(await as(userId)(categories).delete(id))).toBe("referenced");
    open();
    expect(outcome(await child)).toBe("ok");
  });

  test("after its deletion looked for children: the child waits, and is refused when the parent is gone", async () => {
    const userId = newUser();
    const { failpoint, reached, open } = gate("delete:looked");
    const { id } = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const removal = as(userId, { failpoint })(categories).delete(id);
    await reached;
    const child = as(userId)(expenses).create(spent(id));
    open();
    expect([outcome(await removal), outcome(await child)]).toEqual(["ok", "invalid_reference"]);
    expect(value(await as(userId)(expenses).count({ filters: [] }))).toBe(0);
  });

  test("in a deletion for too long: the child takes the mark away, and the deletion looks again", async () => {
    const userId = newUser();
    const { failpoint, reached, open } = gate("delete:looked");
    const { id } = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const removal = as(userId, { failpoint })(categories).delete(id);
    await reached;
    const late = as(userId, { now: () => Date.now() + MINUTE });
    value(await late(expenses).create(spent(id)));
    open();
    expect(outcome(await removal)).toBe("referenced");
    expect(await dangling(database.db, userId)).toEqual([]);
  });

  test("in a deletion: its record can still be read and changed, and a deletion with an old version does nothing", async () => {
    const userId = newUser();
    const { failpoint, reached, open } = gate("delete:looked");
    const made = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const removal = as(userId, { failpoint })(categories).delete(made.id, { expectedVersion: made.version });
    await reached;
    expect(value(await as(userId)(categories).get(made.id))).toEqual(made);
    const changed = value(await as(userId)(categories).update(made.id, { name: "d" }));
    open();
    expect(outcome(await removal)).toBe("version_mismatch");
    expect(value(await as(userId)(categories).get(made.id))).toEqual(changed);
  });

  test("in a create that cannot hold: its repetition with the same key is no success", async () => {
    const userId = newUser();
    const { failpoint, reached, open } = gate("create:inserted");
    const body = { ...spent(crypto.randomUUID()), id: crypto.randomUUID() as string };
    const first = as(userId, { failpoint })(expenses).create(body, { idempotencyHash: "h" });
    await reached;
    const second = await as(userId)(expenses).create(body, { idempotencyHash: "h" });
    open();
    expect([outcome(await first), outcome(second)]).toEqual(["invalid_reference", "invalid_reference"]);
    expect(outcome(await as(userId)(expenses).get(body.id))).toBe("not_found");
  });

  test("in a create that cannot hold: nothing can be hung on its record", async () => {
    const userId = newUser();
    const { failpoint, reached, open } = gate("create:inserted");
    const id = crypto.randomUUID() as string;
    const loan = { id, direction: "lent", amount: "1", currency: "EUR", date: "2026-01-01" } as const;
    const first = as(userId, { failpoint })(loans).create({ ...loan, contact_id: crypto.randomUUID() });
    await reached;
    const payment = as(userId)(loan_payments).create({ loan_id: id, amount: "1", date: "2026-01-02" });
    open();
    expect([outcome(await first), outcome(await payment)]).toEqual(["invalid_reference", "invalid_reference"]);
    expect(await dangling(database.db, userId)).toEqual([]);
  });
});

describe("a refused update", () => {
  test("takes back only its own changes, not those of the update before", async () => {
    const userId = newUser();
    const repository = as(userId);
    const [first, second] = await Promise.all(
      ["a", "b"].map(async (name) => value(await repository(categories).create({ name, kind: "expense" })).id),
    );
    const child = value(await repository(expenses).create({ ...spent(first ?? null), description: "one" }));
    const changed = value(await repository(expenses).update(child.id, { category_id: second, amount: "5" }));
    const missing = { category_id: crypto.randomUUID(), description: "two" };
    expect(outcome(await repository(expenses).update(child.id, missing))).toBe("invalid_reference");
    expect(value(await repository(expenses).get(child.id))).toEqual(changed);
    expect(value(await repository(expenses).count({ filters: [], q: "one" }))).toBe(1);
    expect(value(await repository(expenses).count({ filters: [], q: "two" }))).toBe(0);
    expect(outcome(await repository(categories).delete(second ?? ""))).toBe("referenced");
    value(await repository(categories).delete(first ?? ""));
  });

  test("keeps what others have changed meanwhile, and the reference of the update before", async () => {
    const userId = newUser();
    const repository = as(userId);
    const create = async () => value(await repository(categories).create({ name: "c", kind: "expense" })).id;
    const [first, second] = [await create(), await create()];
    const child = value(await repository(expenses).create(spent(first)));
    value(await repository(expenses).update(child.id, { category_id: second }));
    const { failpoint, reached, open } = gate("update:written");
    const refused = as(userId, { failpoint })(expenses).update(child.id, { category_id: crypto.randomUUID() });
    await reached;
    const between = value(await repository(expenses).update(child.id, { description: "kept" }));
    open();
    expect(outcome(await refused)).toBe("invalid_reference");
    const now = value(await repository(expenses).get(child.id));
    expect(now).toMatchObject({ description: "kept", category_id: second });
    expect(now.version).toBeGreaterThan(between.version);
  });

  test.each([["first"], ["second"]])("of two at once, whichever is taken back %s", async (earlier) => {
    const userId = newUser();
    const repository = as(userId);
    const { id } = value(await repository(categories).create({ name: "c", kind: "expense" }));
    const child = value(await repository(expenses).create(spent(id)));
    const gates = [gate("update:written"), gate("update:written")] as const;
    const refused: Promise<unknown>[] = [];
    for (const { failpoint, reached } of gates) {
      refused.push(as(userId, { failpoint })(expenses).update(child.id, { category_id: crypto.randomUUID() }));
      await reached;
    }
    const order = earlier === "first" ? [0, 1] : [1, 0];
    for (const index of order) {
      gates[index]?.open();
      await refused[index];
    }
    expect(value(await repository(expenses).get(child.id)).category_id).toBe(id);
    expect(await dangling(database.db, userId)).toEqual([]);
  });

  test("and gives up while its retry still looks: the retry makes the record again", async () => {
    const userId = newUser();
    const repository = as(userId);
    const { id } = value(await repository(categories).create({ name: "c", kind: "expense" }));
    value(await repository(expenses).create(spent(id)));
    const { failpoint, reached, open } = gate("delete:marked");
    const removed = as(userId, { failpoint })(categories).delete(id);
    await reached;
    const body = { ...spent(id), id: newUser() };
    const create = () => repository(expenses).create(body, { idempotencyHash: "h" });
    database.sent();
    const first = create();
    let looks = 0;
    const looksAgain = () => {
      looks += database.sent().filter(({ command }) => command.find === "categories").length;
      return looks > 4;
    };
    await vi.waitUntil(looksAgain, { interval: 5, timeout: 5_000 });
    const retry = create();
    expect(outcome(await first)).toBe("busy");
    open();
    expect(outcome(await removed)).toBe("referenced");
    expect(outcome(await retry)).toBe("ok");
    expect(value(await repository(expenses).get(body.id)).category_id).toBe(id);
  });
});

describe("a writer that is killed", () => {
  test("after it wrote a child of a parent that is there: the child stays", async () => {
    const userId = newUser();
    const { id } = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const create = as(userId, { failpoint: dieAt("create:inserted") })(expenses).create(spent(id));
    await expect(create).rejects.toThrow("killed");
    expect(await pending(database.db, "expenses", userId)).toBe(1);
    await settle(0);
    expect(await pending(database.db, "expenses", userId)).toBe(1);
    await settle();
    expect(await pending(database.db, "expenses", userId)).toBe(0);
    expect(value(await as(userId)(expenses).count({ filters: [] }))).toBe(1);
  });

  test("after it wrote a child of nothing: the child goes, and its id can be used", async () => {
    const userId = newUser();
    const body = { ...spent(crypto.randomUUID()), id: crypto.randomUUID() as string };
    const create = as(userId, { failpoint: dieAt("create:inserted") })(expenses).create(body);
    await expect(create).rejects.toThrow("killed");
    await settle();
    expect(await dangling(database.db, userId)).toEqual([]);
    expect(outcome(await as(userId)(expenses).get(body.id))).toBe("not_found");
    value(await as(userId)(expenses).create({ ...body, category_id: null }));
  });

  test("in place of a deleted record: what its key remembered is remembered", async () => {
    const userId = newUser();
    const repository = as(userId);
    const body = { ...spent(null), id: crypto.randomUUID() as string };
    value(await repository(expenses).create(body, { idempotencyHash: "h" }));
    value(await repository(expenses).delete(body.id));
    const again = { ...body, category_id: crypto.randomUUID() };
    const create = as(userId, { failpoint: dieAt("create:inserted") })(expenses).create(again);
    await expect(create).rejects.toThrow("killed");
    await settle();
    expect(outcome(await repository(expenses).create(body, { idempotencyHash: "h" }))).toBe("deleted");
  });

  test("in an update that cannot hold: all of it is taken back", async () => {
    const userId = newUser();
    const { id } = value(await as(userId)(categories).create({ name: "c", kind: "expense" }));
    const child = value(await as(userId)(expenses).create(spent(id)));
    const patch = { category_id: crypto.randomUUID(), amount: "9" };
    const update = as(userId, { failpoint: dieAt("update:written") })(expenses).update(child.id, patch);
    await expect(update).rejects.toThrow("killed");
    // until it is settled, what the reference was counts, too
    expect(outcome(await as(userId)(categories).delete(id))).toBe("referenced");
    await settle();
    expect(value(await as(userId)(expenses).get(child.id))).toEqual(child);
    await settle();
    expect(await pending(database.db, "expenses", userId)).toBe(0);
  });

  test.each(["delete:marked", "delete:looked"])(
    "in a deletion, at %s: the record stays and can be used",
    async (at) => {
      const userId = newUser();
      const repository = as(userId);
      const { id } = value(await repository(contacts).create({ name: "Mina" }));
      await expect(as(userId, { failpoint: dieAt(at) })(contacts).delete(id)).rejects.toThrow("killed");
      expect(outcome(await repository(contacts).get(id))).toBe("ok");
      const later = as(userId, { now: () => Date.now() + MINUTE });
      const loan = { contact_id: id, direction: "lent", amount: "1", currency: "EUR", date: "2026-01-01" } as const;
      const made = value(await later(loans).create(loan));
      expect(outcome(await later(contacts).delete(id))).toBe("referenced");
      value(await later(loans).delete(made.id));
      value(await later(contacts).delete(id));
    },
  );

  test("anywhere, again and again, beside writers that live: nothing dangles when it is settled", async () => {
    const userId = newUser();
    const points = ["create:inserted", "update:written", "delete:marked", "delete:looked"];
    const ids = Array.from({ length: 4 }, () => crypto.randomUUID() as string);
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let round = 0; round < 40; round++) {
      const children = value(
        await as(userId)(expenses).list({ filters: [], sort: { field: "id", direction: "asc" }, limit: 50 }),
      ).items;
      const calls = Array.from({ length: 5 }, () => {
        const dies = random(3) === 0;
        // marks of the dead are stale at once for the living
        const repository = as(userId, {
          now: () => Date.now() + round * MINUTE,
          ...(dies && { failpoint: dieAt(points[random(points.length)] ?? "") }),
        });
        const id = ids[random(ids.length)] ?? "";
        const child = children[random(children.length || 1)]?.id ?? id;
        const kinds = [
          () => repository(categories).create({ id, name: "c", kind: "expense" }),
          () => repository(categories).delete(id),
          () => repository(expenses).create(spent(id)),
          () => repository(expenses).update(child, { category_id: id, amount: "2" }),
          () => repository(expenses).delete(child),
        ];
        return kinds[random(kinds.length)]?.().then(outcome, (error: Error) => error.message);
      });
      for (const each of await Promise.all(calls))
        expect(each).toMatch(/^(ok|killed at .*|not_found|duplicate|referenced|invalid_reference|busy)$/);
    }
    for (let round = 0; round < 3; round++) await settle(100 * MINUTE);
    expect(await dangling(database.db, userId)).toEqual([]);
    expect(await pending(database.db, "expenses", userId)).toBe(0);
  }, 60_000);
});
