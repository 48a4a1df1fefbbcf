import Big from "big.js";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { partOf } from "../../setup/effort.ts";
import { type Owner, type Store, value } from "../store.ts";
import { everything, walk } from "./walk.ts";

const { expenses, loans, contacts } = collections;
/** In a currency that has as many decimals as can be stored. */
const spent = (amount: string) => ({ amount, currency: "CLF", date: "2026-01-01" });
/** As such an amount is shown. */
const shown = (amount: string) => new Big(amount).toFixed(4);
const COUNT = 10_000;

/** Exactness of decimals: nothing is rounded but averages, and those half even. */
export function money(store: () => Store): void {
  describe("money", () => {
    describe("ten thousand amounts", () => {
      let owner: Owner;
      const units = Array.from(
        { length: COUNT },
        (_, i) => ((BigInt(i) * 7_919_977_777_777n) % 9_999_999_999_999n) + 1n,
      );
      const text = (amount: bigint) => `${amount / 10_000n}.${String(amount % 10_000n).padStart(4, "0")}`;
      beforeAll(async () => {
        owner = await store().newOwner();
        await store().seed(
          owner,
          expenses,
          units.map((amount) => spent(text(amount))),
        );
      });

      test("add up to the last digit", async () => {
        const sum = units.reduce((a, b) => a + b, 0n);
        const whole = sum / BigInt(COUNT);
        const rest = 2n * (sum % BigInt(COUNT));
        const average = rest > BigInt(COUNT) || (rest === BigInt(COUNT) && whole % 2n === 1n) ? whole + 1n : whole;
        expect(value(await owner.repository(expenses).summarize({ filters: [] }))).toEqual([
          {
            key: null,
            currency: "CLF",
            count: COUNT,
            sum: text(sum),
            min: text(units.reduce((a, b) => (a < b ? a : b))),
            max: text(units.reduce((a, b) => (a > b ? a : b))),
            average: text(average),
          },
        ]);
      });

      test("make as many groups as a summary may have, and one more is refused", async () => {
        const repository = owner.repository(expenses);
        expect(value(await repository.summarize({ filters: [], by: "id" }))).toHaveLength(COUNT);
        const { id } = value(await repository.create(spent("1")));
        const error = (await repository.summarize({ filters: [], by: "id" }))._unsafeUnwrapErr();
        expect(error).toMatchObject({ kind: "invalid", code: "invalid_query" });
        value(await repository.delete(id));
      });

      test("are counted, and sort by value", async () => {
        const repository = owner.repository(expenses);
        expect(value(await repository.count({ filters: [] }))).toBe(COUNT);
        const sort = { field: "amount", direction: "asc" } as const;
        const page = value(await repository.list({ filters: [], sort, limit: 200 }));
        const smallest = [...units].sort((a, b) => (a < b ? -1 : 1)).slice(0, 200);
        expect(page.items.map(({ amount }) => amount)).toEqual(smallest.map(text));
      });
    });

    test("amounts of 15 digits and 4 decimals are exact, alone and in sums beyond them", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(expenses);
      const largest = "999999999999999.9999";
      const made = value(await repository.create(spent(largest)));
      expect(made.amount).toBe(largest);
      expect(value(await repository.update(made.id, { amount: "999999999999999.9998" })).amount).toBe(
        "999999999999999.9998",
      );
      value(await repository.update(made.id, { amount: largest }));
      await store().seed(owner, expenses, [...Array.from({ length: 999 }, () => spent(largest)), spent("0.0001")]);
      const [group] = value(await repository.summarize({ filters: [] }));
      expect(group).toMatchObject({ count: 1001, sum: "999999999999999999.9001", min: "0.0001", max: largest });
      expect(group?.average).toBe("999000999000999.0009");
      const filters = [{ field: "amount", operator: "gt", value: "999999999999999.9998" }] as const;
      expect(value(await repository.count({ filters }))).toBe(1000);
    });

    test.each([
      [["0.0001", "0.0002"], "0.0002"],
      [["0.0002", "0.0003"], "0.0002"],
      [["0.0003", "0.0004"], "0.0004"],
      [["1.00", "1.0001"], "1.00"],
      [["1.0001", "1.0002"], "1.0002"],
      [["1", "1", "2"], "1.3333"],
      [["1", "2", "2"], "1.6667"],
      [["0.0001", "0.0001", "0.0001", "0.0003"], "0.0002"],
      [["0.0001", "0.0001", "0.0001", "0.0001", "0.0001", "0.0001", "0.0001", "0.0005"], "0.0002"],
    ])("the average of %j is %s: half even", async (amounts, average) => {
      const owner = await store().newOwner();
      await store().seed(owner, expenses, amounts.map(spent));
      const [group] = value(await owner.repository(expenses).summarize({ filters: [] }));
      expect(group).toMatchObject({ count: amounts.length, average: shown(average) });
    });

    test("any decimal that fits comes back in its one spelling, and equals itself", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(expenses);
      const digits = (most: number) => fc.stringMatching(new RegExp(`^\\d{0,${most}}$`));
      const decimal = fc
        .tuple(digits(15), digits(4))
        .map(([whole, fraction]) => [whole.replace(/^0+/, "") || "0", fraction] as const)
        .filter(([whole, fraction]) => /[1-9]/.test(whole + fraction));
      await fc.assert(
        fc.asyncProperty(decimal, async ([whole, fraction]) => {
          const amount = fraction ? `${whole}.${fraction}` : whole;
          const made = value(await repository.create(spent(amount)));
          expect(made.amount).toBe(`${whole}.${fraction.padEnd(4, "0")}`);
          const filters = [
            { field: "id", operator: "eq", value: made.id },
            { field: "amount", operator: "eq", value: amount },
          ] as const;
          expect(value(await repository.list({ ...everything, filters })).items).toEqual([made]);
        }),
        { numRuns: partOf(25, 5) },
      );
    });

    test("numbers sort and compare by value, not by spelling", async () => {
      const owner = await store().newOwner();
      const amounts = ["10", "9", "9.5", "100.0001", "100", "0.0001", "1.5", "1.50"];
      await store().seed(owner, expenses, amounts.map(spent));
      const repository = owner.repository(expenses);
      const listed = await walk(repository, { filters: [], sort: { field: "amount", direction: "asc" }, limit: 3 });
      const expected = ["0.0001", "1.50", "1.50", "9.00", "9.50", "10.00", "100.00", "100.0001"];
      expect(listed.map(({ amount }) => amount)).toEqual(expected.map(shown));
      const count = async (operator: "eq" | "gt" | "lte", of: string) =>
        value(await repository.count({ filters: [{ field: "amount", operator, value: of }] }));
      expect(await count("eq", "1.5000")).toBe(2);
      expect(await count("gt", "9")).toBe(4);
      expect(await count("lte", "9.0000")).toBe(4);
      expect(await count("gt", "0")).toBe(8);
    });

    test("a rate may be zero, and absent is not zero", async () => {
      const owner = await store().newOwner();
      const { id } = value(await owner.repository(contacts).create({ name: "Mina" }));
      const repository = owner.repository(loans);
      const base = { contact_id: id, direction: "lent", amount: "1", currency: "EUR", date: "2026-01-01" } as const;
      const zero = value(await repository.create({ ...base, interest_rate: "0" }));
      expect(zero.interest_rate).toBe("0.00");
      expect(value(await repository.create(base)).interest_rate).toBeNull();
      const filters = [{ field: "interest_rate", operator: "lte", value: "0" }] as const;
      expect(value(await repository.list({ ...everything, filters })).items).toEqual([zero]);
    });

    test("currencies are never added", async () => {
      const owner = await store().newOwner();
      const euros = { ...spent("1"), currency: "EUR" };
      const rows = [euros, { ...euros, currency: "USD" }, { ...euros, currency: "JPY" }, { ...euros, amount: "8" }];
      await store().seed(owner, expenses, rows);
      const groups = value(await owner.repository(expenses).summarize({ filters: [], by: "date" }));
      expect(groups.map(({ key, currency, sum }) => [key, currency, sum])).toEqual([
        ["2026-01-01", "EUR", "9.00"],
        ["2026-01-01", "JPY", "1"],
        ["2026-01-01", "USD", "1.00"],
      ]);
    });
  });
}
