import { describe, expect, test } from "vitest";
import type { CollectionName } from "../../../shared/collections/index.ts";
import { BLANKS, NO_ADDRESSES } from "../../setup/odd-texts.ts";
import { outcome, type Store, value } from "../store.ts";
import { any, type Body, body, byName, create, each } from "./samples.ts";

const refused: [CollectionName, Body][] = [
  ...[
    "0",
    "0.0000",
    "-0.00",
    "--1",
    "1.23456",
    "1e3",
    "01",
    "1,5",
    "1.",
    ".5",
    " 1",
    "1 ",
    "1".repeat(16),
    "NaN",
    "Infinity",
    "",
  ]
    .concat(["١", "0x10", "+1"])
    .map((amount): [CollectionName, Body] => ["expenses", { amount }]),
  ["expenses", { amount: 12.5 }],
  ["expenses", { amount: null }],
  ["expenses", { amount: { $gt: "" } }],
  ["expenses", { currency: "eur" }],
  ["expenses", { currency: "ABC" }],
  ["expenses", { currency: "EURO" }],
  ["expenses", { date: "2026-02-30" }],
  ["expenses", { date: "2026-2-3" }],
  ["expenses", { date: "0000-01-01" }],
  ["expenses", { date: "2026-01-01T00:00:00Z" }],
  ["expenses", { category_id: "none" }],
  ["expenses", { category_id: "" }],
  ["expenses", { description: "x".repeat(2001) }],
  ["expenses", { description: "a\u0000b" }],
  ["expenses", { description: "lone \ud83d" }],
  ["expenses", { description: "\ude00 lone" }],
  ["expenses", { description: 5 }],
  ["expenses", { description: ["a"] }],
  ["expenses", { tags: Array.from({ length: 21 }, (_, i) => `t${i}`) }],
  ["expenses", { tags: ["x".repeat(51)] }],
  ["expenses", { tags: [""] }],
  ["expenses", { tags: ["a\u0000"] }],
  ["expenses", { tags: "a" }],
  ["expenses", { tags: null }],
  ["categories", { name: "" }],
  ["categories", { name: "x".repeat(201) }],
  ["categories", { name: null }],
  ["categories", { kind: "other" }],
  ["categories", { archived: "true" }],
  ["categories", { archived: null }],
  ...BLANKS.map((name): [CollectionName, Body] => ["categories", { name }]),
  ...BLANKS.map((tag): [CollectionName, Body] => ["expenses", { tags: ["a", tag] }]),
  ...NO_ADDRESSES.filter((address) => address.trim() === address).map((email): [CollectionName, Body] => [
    "contacts",
    { email },
  ]),
  ["budgets", { amount: "-0.01" }],
  ["loans", { amount: "-1" }],
  ["loans", { interest_rate: "-0.01" }],
  ["loans", { status: null }],
  ["loan_payments", { amount: "-1.00" }],
  ["loan_payments", { loan_id: null }],
];

/** What no database may hold: the same bodies are refused by both, with the fields at fault named. */
export function validation(store: () => Store): void {
  describe("bodies that break their schema", () => {
    test.each(refused)("%s with %j is refused, on create and on update", async (name, fault) => {
      const owner = await sharedOwner(store());
      const repository = any(owner, name);
      const fits = await body(owner, name);
      const made = value(await repository.create(fits));
      const field = Object.keys(fault)[0] ?? "";
      for (const result of [await repository.create({ ...fits, ...fault }), await repository.update(made.id, fault)]) {
        expect(outcome(result)).toBe("invalid_input");
        const named = result._unsafeUnwrapErr().errors?.map((error) => error.field.split(".")[0]);
        expect(named).toContain(field);
      }
      expect(value(await repository.get(made.id))).toEqual(made);
      value(await repository.delete(made.id));
      expect(value(await repository.count({ filters: [] }))).toBe(0);
    });

    test.each(each)("%s: no client sets what is the system's, nor a field that is not there", async (name) => {
      const owner = await store().newOwner();
      const repository = any(owner, name);
      const fits = await body(owner, name);
      const made = value(await repository.create(fits));
      const foreign = {
        user_id: crypto.randomUUID(),
        version: 1,
        created_at: "2026-01-01T00:00:00.000Z",
        updated_at: "2026-01-01T00:00:00.000Z",
        search_text: "x",
        create_hash: "x",
        _deleted_at: null,
        _id: "x",
        "name.x": "x",
        $set: {},
        constructor: "x",
      };
      for (const [field, content] of Object.entries(foreign)) {
        const problems = [
          await repository.create({ ...fits, [field]: content }),
          await repository.update(made.id, { [field]: content }),
        ];
        for (const result of problems) {
          expect([field, outcome(result)]).toEqual([field, "invalid_input"]);
          expect(result._unsafeUnwrapErr().errors?.map((error) => error.field)).toContain(field);
        }
      }
      expect(outcome(await repository.update(made.id, { id: crypto.randomUUID() }))).toBe("invalid_input");
      expect(outcome(await repository.create({ ...fits, id: "no uuid" }))).toBe("invalid_input");
      expect(value(await repository.get(made.id))).toEqual(made);
    });

    test.each(each)("%s: every required field must be there, and stays", async (name) => {
      const owner = await store().newOwner();
      const repository = any(owner, name);
      const fits = await body(owner, name);
      const made = value(await repository.create(fits));
      for (const [key, field] of Object.entries(byName(name).fields)) {
        if (!field.required) continue;
        expect(outcome(await repository.update(made.id, { [key]: null }))).toBe("invalid_input");
        if (field.defaulted) continue;
        const { [key]: _, ...rest } = fits;
        expect(outcome(await repository.create(rest))).toBe("invalid_input");
      }
    });

    test("every problem is named at once", async () => {
      const repository = any(await store().newOwner(), "expenses");
      const error = (await repository.create({ amount: "x", currency: "x", date: "x", more: 1 }))._unsafeUnwrapErr();
      expect(error).toMatchObject({ kind: "invalid", code: "invalid_input" });
      expect(new Set(error.errors?.map(({ field }) => field))).toEqual(new Set(["amount", "currency", "date", "more"]));
    });

    test("lengths count code points, and the longest fits", async () => {
      const owner = await store().newOwner();
      const name = "😀".repeat(200);
      expect(await create(owner, "contacts", { name, note: "𝒳".repeat(2000) })).toMatchObject({ name });
      expect(outcome(await any(owner, "contacts").create({ name: `${name}x` }))).toBe("invalid_input");
      const tags = Array.from({ length: 20 }, (_, i) => String.fromCodePoint(0x1f600 + i).repeat(50));
      expect(await create(owner, "expenses", { tags })).toMatchObject({ tags });
    });
  });
}

/** Refusals leave nothing behind, so that all cases can share an owner. */
const owners = new WeakMap<Store, ReturnType<Store["newOwner"]>>();
function sharedOwner(store: Store) {
  const owner = owners.get(store) ?? store.newOwner();
  owners.set(store, owner);
  return owner;
}
