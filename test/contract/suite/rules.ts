/** What fields and texts keep together: in bodies, and where an update gives only a part of what a rule reads. */
import { describe, expect, test } from "vitest";
import { BLANKS } from "../../setup/odd-texts.ts";
import { type Owner, outcome, type Store, value } from "../store.ts";
import { any, type Body, create } from "./samples.ts";
import { everything } from "./walk.ts";

/** Collection, a record that is fine, a change that breaks a rule with what is there, the field at fault, what is named. */
const broken: [name: string, record: Body, change: Body, field: string, named: string[]][] = [
  ["budgets", { starts_on: "2026-03-01" }, { ends_on: "2026-02-28" }, "ends_on", ["2026-02-28", "2026-03-01"]],
  ["budgets", { ends_on: "2026-03-01" }, { starts_on: "2026-03-02" }, "ends_on", ["2026-03-01", "2026-03-02"]],
  ["loans", { date: "2026-03-01" }, { due_on: "2025-03-01" }, "due_on", ["2025-03-01", "2026-03-01"]],
  ["loans", { due_on: "2026-03-01" }, { date: "2026-04-01" }, "due_on", ["2026-03-01", "2026-04-01"]],
  ["expenses", { currency: "JPY", amount: "1500" }, { amount: "1500.5" }, "amount", ["JPY", "1500.5"]],
  ["expenses", { currency: "EUR", amount: "-12.50" }, { currency: "JPY" }, "amount", ["JPY", "-12.50"]],
  ["incomes", { currency: "KWD", amount: "1.125" }, { amount: "1.1255" }, "amount", ["KWD", "1.1255"]],
  ["budgets", { currency: "KWD", amount: "1.125" }, { currency: "EUR" }, "amount", ["EUR", "1.125"]],
  ["loans", { currency: "CLF", amount: "1.1255" }, { currency: "KWD" }, "amount", ["KWD", "1.1255"]],
  ["expenses", { currency: "DEM", date: "2001-12-31" }, { date: "2026-01-01" }, "currency", ["DEM", "2002-05-15"]],
  ["incomes", { currency: "EUR", date: "2026-01-01" }, { currency: "DEM" }, "currency", ["DEM", "2026-01-01"]],
];

export function rules(store: () => Store): void {
  describe("rules across fields", () => {
    test.each(broken)("%s with %j: %j is refused", async (name, record, change, field, named) => {
      const owner = await store().newOwner();
      const repository = any(owner, name);
      const made = await create(owner, name, record);
      const { id: _, user_id: __, version: ___, created_at: ____, updated_at: _____, ...fits } = made;
      const results = [
        await repository.create({ ...fits, ...change }),
        await repository.update(made.id, change),
        await repository.update(made.id, change, { expectedVersion: made.version }),
        await repository.update(made.id, { ...fits, ...change }),
      ];
      for (const result of results) {
        const error = result._unsafeUnwrapErr();
        expect(error).toMatchObject({ code: "invalid_input", errors: [{ field }] });
        for (const part of named) expect(error.errors?.[0]?.message).toContain(part);
      }
      expect(value(await repository.get(made.id))).toEqual(made);
      expect(outcome(await repository.update(made.id, change, { expectedVersion: made.version - 8 }))).toBe(
        "version_mismatch",
      );
      expect(outcome(await repository.update(crypto.randomUUID(), change))).toBe("not_found");
      // what is left as it is breaks nothing
      value(await repository.update(made.id, record));
      expect(outcome(await repository.update(made.id, {}))).toBe("ok");
    });

    test("a change to what still fits is made, also to the very edge, and to nothing", async () => {
      const owner = await store().newOwner();
      const budgets = any(owner, "budgets");
      const { id } = await create(owner, "budgets", { starts_on: "2026-03-01", ends_on: "2026-03-31" });
      expect(value(await budgets.update(id, { starts_on: "2026-03-31" })).starts_on).toBe("2026-03-31");
      expect(value(await budgets.update(id, { ends_on: null })).ends_on).toBeNull();
      expect(value(await budgets.update(id, { starts_on: "2027-01-01" })).starts_on).toBe("2027-01-01");
      const expenses = any(owner, "expenses");
      const spent = await create(owner, "expenses", { currency: "DEM", date: "2002-05-15", amount: "10.00" });
      expect(value(await expenses.update(spent.id, { currency: "JPY" })).amount).toBe("10");
      expect(value(await expenses.update(spent.id, { date: "2026-01-01" })).date).toBe("2026-01-01");
      expect(value(await expenses.update(spent.id, { amount: "11", currency: "KWD" })).amount).toBe("11.000");
    });

    test("two changes that fit alone and not together: one of them is refused", async () => {
      const owner = await store().newOwner();
      const budgets = any(owner, "budgets");
      for (let round = 0; round < 6; round++) {
        const { id } = await create(owner, "budgets", { starts_on: "2026-03-01", ends_on: "2026-03-31" });
        const outcomes = await Promise.all([
          budgets.update(id, { starts_on: "2026-03-20" }),
          budgets.update(id, { ends_on: "2026-03-10" }),
        ]);
        expect(outcomes.map(outcome).sort()).toEqual(["invalid_input", "ok"]);
        const kept = value(await budgets.get(id));
        expect(String(kept.ends_on) >= String(kept.starts_on)).toBe(true);
      }
    });
  });

  describe("amounts", () => {
    test.each([
      ["JPY", "1500", "1500"],
      ["JPY", "1500.00", "1500"],
      ["EUR", "12.5", "12.50"],
      ["KWD", "1.5", "1.500"],
      ["CLF", "1.5", "1.5000"],
      ["EUR", "-12.5", "-12.50"],
    ])("%s %s is shown as %s, in records and sums", async (currency, amount, shown) => {
      const owner = await store().newOwner();
      const expenses = any(owner, "expenses");
      const made = await create(owner, "expenses", { currency, amount });
      expect(made.amount).toBe(shown);
      expect(value(await expenses.get(made.id)).amount).toBe(shown);
      expect(value(await expenses.update(made.id, {})).amount).toBe(shown);
      expect(value(await expenses.list(everything)).items.map((each) => each.amount)).toEqual([shown]);
      const [group] = value(await expenses.summarize({ filters: [] }));
      expect(group).toMatchObject({ sum: shown, min: shown, max: shown, average: shown });
    });

    test("what came back is below zero, sorts below everything, and is taken off the sum", async () => {
      const owner = await store().newOwner();
      const expenses = any(owner, "expenses");
      for (const amount of ["20.00", "-12.50", "5", "-0.01"]) await create(owner, "expenses", { amount });
      const sort = { field: "amount", direction: "asc" } as const;
      const first = value(await expenses.list({ filters: [], sort, limit: 1 }));
      expect(first.items.map(({ amount }) => amount)).toEqual(["-12.50"]);
      const rest = value(await expenses.list({ filters: [], sort, limit: 9, cursor: first.next_cursor ?? "" }));
      expect(rest.items.map(({ amount }) => amount)).toEqual(["-0.01", "5.00", "20.00"]);
      const below = { filters: [{ field: "amount", operator: "lt", value: "0" }] as const };
      expect(value(await expenses.count(below))).toBe(2);
      const [all] = value(await expenses.summarize({ filters: [] }));
      expect(all).toMatchObject({ sum: "12.49", min: "-12.50", max: "20.00", average: "3.1225" });
      const [back] = value(await expenses.summarize(below));
      expect(back).toMatchObject({ sum: "-12.51", average: "-6.255" });
    });
  });

  describe("texts", () => {
    const contact = async (owner: Owner, body: Body) => value(await any(owner, "contacts").create(body));

    test("are trimmed, and null where nothing of them can be seen", async () => {
      const owner = await store().newOwner();
      const made = await contact(owner, { name: " \u00a0Mina\t", note: "\n a  b \u3000", email: " m@b.de " });
      expect(made).toMatchObject({ name: "Mina", note: "a  b", email: "m@b.de" });
      for (const blank of BLANKS) {
        const blanks = { note: blank, email: blank, phone: blank };
        const nothing = { note: null, email: null, phone: null };
        expect(value(await any(owner, "contacts").update(made.id, blanks))).toMatchObject(nothing);
        expect(await contact(owner, { name: "x", ...blanks })).toMatchObject(nothing);
      }
      const { tags } = await create(owner, "expenses", { tags: [" a", "b", "a "] });
      expect(tags).toEqual(["a", "b"]);
    });

    test("addresses may have letters beyond ASCII", async () => {
      const owner = await store().newOwner();
      for (const email of ["用户@例子.广告", "Dörte@Sörensen.example.com", "अजय@डाटा.भारत"])
        expect((await contact(owner, { name: "x", email })).email).toBe(email);
    });
  });
}
