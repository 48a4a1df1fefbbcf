import { describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { outcome, type Store, value } from "../store.ts";
import { create } from "./samples.ts";

const { contacts, expenses } = collections;

/** Creates with a body hash: the same request twice is one record. */
export function idempotency(store: () => Store): void {
  describe("creates that are repeated", () => {
    const first = { idempotencyHash: "hash-of-the-first-body" };
    const other = { idempotencyHash: "hash-of-another-body" };

    test("with the same hash give the record that is there, as it is now", async () => {
      const repository = (await store().newOwner()).repository(contacts);
      const body = { id: crypto.randomUUID(), name: "Mina" };
      const made = value(await repository.create(body, first));
      expect(value(await repository.create(body, first))).toEqual(made);
      const changed = value(await repository.update(made.id, { name: "Mina K." }));
      expect(value(await repository.create(body, first))).toEqual(changed);
      expect(value(await repository.count({ filters: [] }))).toBe(1);
    });

    test("with another hash, or without one, are refused", async () => {
      const repository = (await store().newOwner()).repository(contacts);
      const id = crypto.randomUUID();
      value(await repository.create({ id, name: "Mina" }, first));
      const mismatch = (await repository.create({ id, name: "Mona" }, other))._unsafeUnwrapErr();
      expect(mismatch).toMatchObject({ kind: "conflict", code: "idempotency_mismatch" });
      expect(outcome(await repository.create({ id, name: "Mina" }))).toBe("duplicate");
      expect(value(await repository.get(id)).name).toBe("Mina");
    });

    test("of a record that was made without a hash are refused: its id is taken, and by no request with this key", async () => {
      const repository = (await store().newOwner()).repository(contacts);
      const { id } = value(await repository.create({ name: "Mina" }));
      expect(outcome(await repository.create({ id, name: "Mina" }, first))).toBe("duplicate");
      expect(value(await repository.count({ filters: [] }))).toBe(1);
    });

    test("at the same time make one record, and all get it", async () => {
      const repository = (await store().newOwner()).repository(contacts);
      for (let round = 0; round < 4; round++) {
        const body = { id: crypto.randomUUID(), name: `r${round}` };
        const results = await Promise.all(Array.from({ length: 6 }, () => repository.create(body, first)));
        for (const result of results) expect(value(result)).toEqual(value(await repository.get(body.id)));
      }
      expect(value(await repository.count({ filters: [] }))).toBe(4);
    });

    test("at the same time with different bodies: one wins, the others are refused", async () => {
      const repository = (await store().newOwner()).repository(contacts);
      const id = crypto.randomUUID();
      const bodies = Array.from({ length: 6 }, (_, i) => i);
      const results = await Promise.all(
        bodies.map((i) => repository.create({ id, name: `w${i}` }, { idempotencyHash: `hash ${i}` })),
      );
      expect(results.map(outcome).sort()).toEqual([...Array(5).fill("idempotency_mismatch"), "ok"]);
    });

    test("after the record was deleted say so, and do not bring it back", async () => {
      const repository = (await store().newOwner()).repository(contacts);
      const body = { id: crypto.randomUUID(), name: "Mina" };
      const { version } = value(await repository.create(body, first));
      value(await repository.delete(body.id));
      const deleted = (await repository.create(body, first))._unsafeUnwrapErr();
      expect(deleted).toMatchObject({ kind: "conflict", code: "deleted" });
      expect(outcome(await repository.create(body, other))).toBe("idempotency_mismatch");
      expect(outcome(await repository.get(body.id))).toBe("not_found");
      expect(value(await repository.create(body)).version).toBeGreaterThan(version);
    });

    test("of a record with references find it although its references went elsewhere", async () => {
      const owner = await store().newOwner();
      const category = await create(owner, "categories");
      const repository = owner.repository(expenses);
      const body = {
        id: crypto.randomUUID(),
        amount: "1",
        currency: "EUR",
        date: "2026-01-01",
        category_id: category.id,
      };
      value(await repository.create(body, first));
      const changed = value(await repository.update(body.id, { category_id: null }));
      value(await owner.repository(collections.categories).delete(category.id));
      expect(value(await repository.create(body, first))).toEqual(changed);
    });

    test("with a reference that is missing may be repeated when it is there", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(expenses);
      const category_id = crypto.randomUUID();
      const body = { id: crypto.randomUUID(), amount: "1", currency: "EUR", date: "2026-01-01", category_id };
      expect(outcome(await repository.create(body, first))).toBe("invalid_reference");
      expect(outcome(await repository.get(body.id))).toBe("not_found");
      await create(owner, "categories", { id: category_id });
      expect(value(await repository.create(body, first)).category_id).toBe(category_id);
    });
  });
}
