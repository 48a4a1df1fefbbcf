/** What records that refer to each other keep together, whoever comes first and whoever comes at the same time. */
import { describe, expect, test } from "vitest";
import { homeCollections } from "../../../shared/collections/index.ts";
import { referencesFrom } from "../../../shared/definition/references.ts";
import { type Owner, outcome, type Store, value } from "../store.ts";
import { any, body, create } from "./samples.ts";

const filed = homeCollections
  .flatMap(referencesFrom)
  .flatMap(({ collection, field, where }) => (where ? [[collection, field, String(where.kind)] as const] : []));
const other = (kind: string) => (kind === "expense" ? "income" : "expense");

export function recordRules(store: () => Store): void {
  describe.each(filed)("%s.%s leads to a category of kind %s", (name, field, kind) => {
    test("one of the other kind is refused, on create and on update", async () => {
      const owner = await store().newOwner();
      const [fits, wrong] = [
        await create(owner, "categories", { kind }),
        await create(owner, "categories", { kind: other(kind) }),
      ];
      const records = any(owner, name);
      const made = await create(owner, name, { [field]: fits.id });
      for (const result of [
        await records.create({ ...(await body(owner, name)), [field]: wrong.id }),
        await records.update(made.id, { [field]: wrong.id }),
        await records.update(made.id, { ...(await body(owner, name)), [field]: wrong.id }),
      ]) {
        const error = result._unsafeUnwrapErr();
        expect(error).toMatchObject({ kind: "invalid", code: "invalid_reference", errors: [{ field }] });
        expect(error.errors?.[0]?.message).toContain(kind);
      }
      expect(value(await records.get(made.id))).toEqual(made);
      expect(value(await records.count({ filters: [] }))).toBe(1);
    });

    test("a category in use keeps its kind, and everything else of it may change", async () => {
      const owner = await store().newOwner();
      const categories = any(owner, "categories");
      const category = await create(owner, "categories", { kind });
      const made = await create(owner, name, { [field]: category.id });
      const change = { kind: other(kind), name: "changed" };
      for (const options of [{}, { expectedVersion: category.version }])
        expect((await categories.update(category.id, change, options))._unsafeUnwrapErr()).toMatchObject({
          kind: "conflict",
          code: "referenced",
          errors: [{ field: "kind" }],
        });
      expect(value(await categories.get(category.id))).toEqual(category);
      expect(outcome(await categories.update(category.id, change, { expectedVersion: category.version - 8 }))).toBe(
        "version_mismatch",
      );
      expect(value(await categories.update(category.id, { kind, name: "same" }))).toMatchObject({ kind, name: "same" });
      value(await any(owner, name).delete(made.id));
      expect(value(await categories.update(category.id, change))).toMatchObject(change);
    });

    test("filed while the kind changes: never under the wrong one", async () => {
      const owner = await store().newOwner();
      const [categories, records] = [any(owner, "categories"), any(owner, name)];
      const base = await body(owner, name);
      for (let round = 0; round < 8; round++) {
        const category = await create(owner, "categories", { kind });
        const id = crypto.randomUUID();
        const [changed, made] = await Promise.all([
          categories.update(category.id, { kind: other(kind) }),
          records.create({ ...base, id, [field]: category.id }),
        ]);
        expect(["ok invalid_reference", "referenced ok"]).toContain(`${outcome(changed)} ${outcome(made)}`);
        expect(value(await categories.get(category.id)).kind).toBe(changed.isOk() ? other(kind) : kind);
      }
    });
  });

  describe("payments of a loan", () => {
    const lend = (owner: Owner, currency: string) => create(owner, "loans", { currency, amount: "1000" });
    const pay = async (owner: Owner, loan_id: unknown, amount: string) =>
      any(owner, "loan_payments").create({ loan_id, amount, date: "2026-05-05" });

    test("have no more decimals than its currency", async () => {
      const owner = await store().newOwner();
      const payments = any(owner, "loan_payments");
      const [yen, euros] = [await lend(owner, "JPY"), await lend(owner, "EUR")];
      const made = value(await pay(owner, euros.id, "10.50"));
      const whole = value(await pay(owner, yen.id, "500"));
      for (const result of [
        await pay(owner, yen.id, "10.50"),
        await pay(owner, euros.id, "10.505"),
        await payments.update(made.id, { amount: "10.505" }),
        await payments.update(made.id, { loan_id: yen.id }),
        await payments.update(whole.id, { amount: "0.5" }),
        await payments.update(whole.id, { amount: "0.125", loan_id: euros.id }),
      ])
        expect(result._unsafeUnwrapErr()).toMatchObject({ code: "invalid_input", errors: [{ field: "amount" }] });
      expect(value(await payments.get(made.id))).toEqual(made);
      expect(outcome(await pay(owner, crypto.randomUUID(), "10.505"))).toBe("invalid_reference");
      expect(value(await payments.update(made.id, { amount: "12.25" })).amount).toBe("12.25");
      expect(value(await payments.update(made.id, { loan_id: yen.id, amount: "12" })).loan_id).toBe(yen.id);
    });

    test("keep its currency, and only that", async () => {
      const owner = await store().newOwner();
      const loans = any(owner, "loans");
      const loan = await lend(owner, "EUR");
      value(await loans.update(loan.id, { currency: "USD" }));
      const payment = value(await pay(owner, loan.id, "10.50"));
      expect((await loans.update(loan.id, { currency: "JPY" }))._unsafeUnwrapErr()).toMatchObject({
        code: "referenced",
        errors: [{ field: "currency" }],
      });
      expect(value(await loans.update(loan.id, { currency: "USD", amount: "900" })).amount).toBe("900.00");
      value(await any(owner, "loan_payments").delete(payment.id));
      expect(value(await loans.update(loan.id, { currency: "JPY" })).amount).toBe("900");
    });
  });
}
