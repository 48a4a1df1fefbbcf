import { describe, expect, test } from "vitest";
import { outcome, type Store, value } from "../store.ts";
import { any, body, byName, create, each } from "./samples.ts";
import { everything } from "./walk.ts";

/** One owner's records do not exist for another, by any call. */
export function owners(store: () => Store): void {
  describe("another owner's records", () => {
    test.each(each)("%s: are found, changed, removed, listed, counted and summed up by nobody else", async (name) => {
      const [owner, stranger] = [await store().newOwner(), await store().newOwner()];
      const made = await create(owner, name);
      const repository = any(stranger, name);
      const missing = crypto.randomUUID();
      for (const call of [
        (id: string) => repository.get(id),
        (id: string) => repository.update(id, {}),
        (id: string) => repository.update(id, {}, { expectedVersion: made.version }),
        (id: string) => repository.update(id, {}, { expectedVersion: 1 }),
        (id: string) => repository.delete(id),
        (id: string) => repository.delete(id, { expectedVersion: 1 }),
      ]) {
        const foreign = (await call(made.id))._unsafeUnwrapErr();
        expect(foreign.code).toBe("not_found");
        expect({ ...foreign, cause: 0 }).toEqual({ ...(await call(missing))._unsafeUnwrapErr(), cause: 0 });
      }
      const filters = [{ field: "id", operator: "eq", value: made.id }] as const;
      for (const query of [everything, { ...everything, filters }])
        expect(value(await repository.list(query)).items).toEqual([]);
      expect(value(await repository.count({ filters: [] }))).toBe(0);
      expect(value(await repository.summarize({ filters: [] }))).toEqual([]);
      expect(value(await any(owner, name).get(made.id))).toEqual(made);
    });

    test.each(each)("%s: under an id that another owner has, nothing of theirs is changed or said", async (name) => {
      const [owner, stranger] = [await store().newOwner(), await store().newOwner()];
      const made = await create(owner, name);
      const input = { ...(await body(stranger, name)), id: made.id };
      expect(outcome(await any(stranger, name).create(input))).toBe(store().foreignId);
      const theirs = value(await any(stranger, name).list(everything)).items;
      const expected = { ok: [{ id: made.id, user_id: stranger.userId }], duplicate: [] }[store().foreignId];
      expect(theirs.map(({ id, user_id }) => ({ id, user_id }))).toEqual(expected);
      const deleted = { ok: "ok", duplicate: "not_found" }[store().foreignId];
      expect(outcome(await any(stranger, name).delete(made.id))).toBe(deleted);
      expect(value(await any(owner, name).get(made.id))).toEqual(made);
      expect(outcome(await any(stranger, name).create({ ...input, unknown: 1 }))).toBe("invalid_input");
    });

    test("a hash that another owner used means nothing here", async () => {
      const [owner, stranger] = [await store().newOwner(), await store().newOwner()];
      const input = { id: crypto.randomUUID(), name: "Mina" };
      const hash = { idempotencyHash: "the same" };
      value(await any(owner, "contacts").create(input, hash));
      const other = { ...input, name: "Mona" };
      expect(outcome(await any(stranger, "contacts").create(other, hash))).toBe(store().foreignId);
      value(await any(owner, "contacts").delete(input.id));
      // nor does what is left of it
      expect(outcome(await any(stranger, "contacts").create(input, hash))).toBe(store().foreignId);
      const names = value(await any(stranger, "contacts").list(everything)).items.map(({ name }) => name);
      expect(names).toEqual({ ok: ["Mona"], duplicate: [] }[store().foreignId]);
    });

    test("equal keys of two owners are listed apart, in every sort", async () => {
      const [owner, stranger] = [await store().newOwner(), await store().newOwner()];
      for (const [i, each] of [owner, stranger, owner, stranger].entries())
        await create(each, "categories", { name: "same", icon: String(i) });
      for (const field of byName("categories").sorts)
        for (const each of [owner, stranger]) {
          const sort = { field, direction: "asc" } as const;
          const { items } = value(await any(each, "categories").list({ ...everything, sort }));
          expect(items.map(({ user_id }) => user_id)).toEqual([each.userId, each.userId]);
        }
    });
  });
}
