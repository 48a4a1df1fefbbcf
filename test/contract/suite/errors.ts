import { describe, expect, test } from "vitest";
import { outcome, type Store, value } from "../store.ts";
import { any, body, create } from "./samples.ts";
import { everything } from "./walk.ts";

/** Every kind of problem is data with a kind, a code and a message; a database that is away is one of them. */
export function errors(store: () => Store): void {
  describe("problems", () => {
    test.each(["silent", "refusing"] as const)("a %s database is unavailable, within a bounded wait", async (how) => {
      const owner = await store().unavailableOwner(how);
      const repository = any(owner, "contacts");
      const id = crypto.randomUUID();
      const answers = await Promise.all<{ isErr(): boolean; _unsafeUnwrapErr(): unknown }>([
        repository.create({ name: "Mina" }),
        repository.create({ id, name: "Mina" }, { idempotencyHash: "x" }),
        repository.get(id),
        repository.list(everything),
        repository.update(id, { name: "x" }),
        repository.update(id, { name: "x" }, { expectedVersion: 1 }),
        repository.delete(id),
        repository.count({ filters: [] }),
        repository.summarize({ filters: [] }),
        any(owner, "categories").delete(id),
        any(owner, "loans").create({
          direction: "lent",
          amount: "1",
          currency: "EUR",
          date: "2026-01-01",
          contact_id: id,
        }),
      ]);
      for (const answer of answers) {
        const error = answer._unsafeUnwrapErr();
        expect(error).toMatchObject({
          kind: "unavailable",
          code: "unavailable",
          retryAfterSeconds: expect.any(Number),
        });
      }
    });

    test("what is wrong with a request is said before the database is asked", async () => {
      const owner = await store().unavailableOwner("refusing");
      expect(outcome(await any(owner, "contacts").create({ name: 5 }))).toBe("invalid_input");
      expect(outcome(await any(owner, "contacts").list({ ...everything, limit: 0 }))).toBe("invalid_query");
      expect(outcome(await any(owner, "contacts").list({ ...everything, cursor: "x" }))).toBe("invalid_cursor");
    });

    test("each has its kind, and a message for people that shows nothing of the database", async () => {
      const owner = await store().newOwner();
      const category = await create(owner, "categories");
      const expense = await create(owner, "expenses", { category_id: category.id });
      const [categories, expenses] = [any(owner, "categories"), any(owner, "expenses")];
      const input = await body(owner, "expenses");
      const hash = { idempotencyHash: "a" };
      const keyed = value(await expenses.create(input, hash));
      const problems = [
        ["not_found", "not_found", await expenses.get(crypto.randomUUID())],
        ["conflict", "duplicate", await expenses.create({ ...input, id: expense.id })],
        ["conflict", "version_mismatch", await expenses.update(expense.id, {}, { expectedVersion: 8 })],
        ["conflict", "referenced", await categories.delete(category.id)],
        [
          "conflict",
          "idempotency_mismatch",
          await expenses.create({ ...input, id: keyed.id }, { idempotencyHash: "b" }),
        ],
        ["invalid", "invalid_input", await expenses.create({})],
        ["invalid", "invalid_reference", await expenses.create({ ...input, category_id: crypto.randomUUID() })],
        ["invalid", "invalid_query", await expenses.list({ ...everything, limit: 0 })],
        ["invalid", "invalid_cursor", await expenses.list({ ...everything, cursor: "x" })],
      ] as const;
      for (const [kind, code, result] of problems) {
        const error = result._unsafeUnwrapErr();
        expect(error).toMatchObject({ kind, code });
        const said = JSON.stringify([error.message, error.errors ?? []]);
        expect(said).not.toMatch(
          /duplicate key|constraint|E11000|violates|PGRST|Mongo|postgres|_fkey|pkey|SQLSTATE|23\d{3}/i,
        );
        expect(error.message).toMatch(/^[A-Z\d].*\.$/);
      }
    });
  });
}
