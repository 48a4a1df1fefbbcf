import { describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { HANGS_MS } from "../../setup/patience.ts";
import { outcome, type Store, value } from "../store.ts";
import { any, body, byName, create, each } from "./samples.ts";

/** Create, get, update and delete of every collection. */
export function crud(store: () => Store): void {
  describe("records", () => {
    test.each(each.flatMap((name) => [[name, "minimal"] as const, [name, "full"] as const]))(
      "%s: a %s record comes back as it was stored",
      async (name, kind) => {
        const owner = await store().newOwner();
        const repository = any(owner, name);
        const input = await body(owner, name, kind);
        const made = value(await repository.create(input));
        const collection = byName(name);
        const expected = collection.schemas.create.parse(input) as object;
        expect(made).toMatchObject(expected);
        expect(Object.keys(made).sort()).toEqual(
          ["id", "user_id", "version", "created_at", "updated_at", ...Object.keys(collection.fields)].sort(),
        );
        expect(collection.schemas.record.parse(made)).toEqual(made);
        expect(made.user_id).toBe(owner.userId);
        expect(made.updated_at).toBe(made.created_at);
        expect(value(await repository.get(made.id))).toEqual(made);
        const sort = { field: "created_at", direction: "desc" } as const;
        expect(value(await repository.list({ filters: [], sort, limit: 200 })).items).toEqual([made]);
      },
    );

    test("defaults are filled in, absent optional fields are null", async () => {
      const owner = await store().newOwner();
      expect(await create(owner, "categories")).toMatchObject({ archived: false, color: null, icon: null });
      expect(await create(owner, "expenses")).toMatchObject({ tags: [], category_id: null, description: null });
      expect(await create(owner, "loans")).toMatchObject({ status: "open", due_on: null, interest_rate: null });
    });

    test("one spelling is kept: ids in lower case, amounts with two to four decimals", async () => {
      const owner = await store().newOwner();
      const id = "0190ABCD-EF01-7ABC-8DEF-0123456789AB";
      const category = await create(owner, "categories", { id });
      expect(category.id).toBe(id.toLowerCase());
      const expenses = owner.repository(collections.expenses);
      const input = { amount: "1.5000", currency: "EUR", date: "2026-01-01" };
      const made = value(await expenses.create({ ...input, category_id: id }));
      expect(made).toMatchObject({ amount: "1.50", category_id: id.toLowerCase() });
      expect(value(await expenses.update(made.id, { amount: "7", category_id: id }))).toMatchObject({
        amount: "7.00",
        category_id: id.toLowerCase(),
      });
    });

    test("an update changes the fields that are given, and the version", async () => {
      const owner = await store().newOwner();
      const contacts = owner.repository(collections.contacts);
      const made = value(await contacts.create({ name: "Mina", email: "mina@example.org", note: "old" }));
      const changed = value(await contacts.update(made.id, { note: "new", email: null }));
      expect(changed).toEqual({
        ...made,
        note: "new",
        email: null,
        version: changed.version,
        updated_at: changed.updated_at,
      });
      expect(changed.version).toBeGreaterThan(made.version);
      expect(changed.updated_at >= made.updated_at).toBe(true);
      expect(value(await contacts.get(made.id))).toEqual(changed);
    });

    test.each(each)("%s: every field can be changed, to the value that it has, too", async (name) => {
      const owner = await store().newOwner();
      const repository = any(owner, name);
      const made = await create(owner, name);
      const input = await body(owner, name, "full");
      const changed = value(await repository.update(made.id, input));
      expect(changed).toMatchObject(byName(name).schemas.patch.parse(input) as object);
      const again = value(await repository.update(made.id, input));
      expect(again).toEqual({ ...changed, version: again.version, updated_at: again.updated_at });
      expect(value(await repository.get(made.id))).toEqual(again);
    });

    test("an update without fields is a new version", async () => {
      const owner = await store().newOwner();
      const made = await create(owner, "contacts");
      const changed = value(await any(owner, "contacts").update(made.id, {}));
      expect(changed).toEqual({ ...made, version: changed.version, updated_at: changed.updated_at });
      expect(changed.version).toBeGreaterThan(made.version);
    });

    test("versions name the site that wrote in their last three bits and stay safe integers", async () => {
      const owner = await store().newOwner();
      const first = await create(owner, "contacts");
      const other = await create(owner, "contacts");
      const changed = value(await any(owner, "contacts").update(first.id, { name: "M" }));
      expect(new Set([first, other, changed].map(({ version }) => version % 8))).toEqual(new Set([store().site]));
      expect(Math.abs(first.version / 1000 - Date.now())).toBeLessThan(HANGS_MS);
    });

    test("a removed record is gone", async () => {
      const owner = await store().newOwner();
      const repository = any(owner, "contacts");
      const { id } = await create(owner, "contacts");
      expect(value(await repository.delete(id))).toBeUndefined();
      for (const call of [repository.get(id), repository.update(id, { name: "x" }), repository.delete(id)])
        expect(outcome(await call)).toBe("not_found");
      expect(value(await repository.count({ filters: [] }))).toBe(0);
    });

    test("what was never there is not found, nor is an id that is no UUID", async () => {
      const repository = any(await store().newOwner(), "contacts");
      for (const id of [crypto.randomUUID(), "", "nonsense", "*", "a,b", "00000000-0000-0000-0000-00000000000g"])
        for (const call of [repository.get(id), repository.update(id, {}), repository.delete(id)])
          expect([id, outcome(await call)]).toEqual([id, "not_found"]);
    });

    test("a removed record's id can be used again, with a higher version", async () => {
      const owner = await store().newOwner();
      const repository = any(owner, "contacts");
      const { id } = await create(owner, "contacts");
      const last = value(await repository.update(id, { note: "old" }));
      value(await repository.delete(id));
      const again = value(await repository.create({ id, name: "again" }));
      expect(again).toMatchObject({ id, name: "again", note: null });
      expect(again.version).toBeGreaterThan(last.version);
      expect(outcome(await repository.update(id, {}, { expectedVersion: last.version }))).toBe("version_mismatch");
      expect(outcome(await repository.create({ id, name: "twice" }))).toBe("duplicate");
    });

    test("versions near the end of the safe integers are exact, and go on rising", async () => {
      const owner = await store().newOwner();
      const id = crypto.randomUUID();
      const version = 9_007_199_254_740_001;
      await store().seed(owner, collections.contacts, [{ id, name: "far", version }]);
      const contacts = owner.repository(collections.contacts);
      expect(value(await contacts.get(id)).version).toBe(version);
      expect(value(await contacts.count({ filters: [{ field: "version", operator: "eq", value: version }] }))).toBe(1);
      expect(value(await contacts.count({ filters: [{ field: "version", operator: "gt", value: version }] }))).toBe(0);
      expect(outcome(await contacts.update(id, {}, { expectedVersion: version - 1 }))).toBe("version_mismatch");
      const changed = value(await contacts.update(id, {}, { expectedVersion: version }));
      expect(changed.version).toBeGreaterThan(version);
      expect(changed.version - version).toBeLessThanOrEqual(8);
      value(await contacts.delete(id));
      expect(value(await contacts.create({ id, name: "near" })).version).toBeGreaterThan(changed.version);
    });
  });
}
