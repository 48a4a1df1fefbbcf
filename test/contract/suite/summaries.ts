import { beforeAll, describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { fieldOf } from "../../../shared/definition/define.ts";
import { type Owner, outcome, type Seed, type Store, value } from "../store.ts";
import { type Row, summarized } from "./model.ts";
import { any, byName, create } from "./samples.ts";
import { everything } from "./walk.ts";

const { categories, contacts, expenses, loan_payments } = collections;
const scalars = (name: string) =>
  ["id", "version", "created_at", "updated_at", ...Object.keys(byName(name).fields)].filter(
    (field) => fieldOf(byName(name), field)?.kind !== "tags",
  );

/** Instants on both sides of a month's end, and the month that each falls into. */
const months: [zone: string, before: string, month: string, after: string, next: string][] = [
  ["UTC", "2026-01-31T23:59:59.999Z", "2026-01", "2026-02-01T00:00:00.000Z", "2026-02"],
  ["Asia/Kathmandu", "2026-01-31T18:14:59.999Z", "2026-01", "2026-01-31T18:15:00.000Z", "2026-02"],
  ["America/St_Johns", "2026-02-01T03:29:59.999Z", "2026-01", "2026-02-01T03:30:00.000Z", "2026-02"],
  ["America/St_Johns", "2026-08-01T02:29:59.999Z", "2026-07", "2026-08-01T02:30:00.000Z", "2026-08"],
  ["Europe/Berlin", "2026-03-31T21:59:59.999Z", "2026-03", "2026-03-31T22:00:00.000Z", "2026-04"],
  ["Europe/Berlin", "2026-10-31T22:59:59.999Z", "2026-10", "2026-10-31T23:00:00.000Z", "2026-11"],
  ["America/New_York", "2026-11-01T03:59:59.999Z", "2026-10", "2026-11-01T04:00:00.000Z", "2026-11"],
  ["America/New_York", "2026-12-01T04:59:59.999Z", "2026-11", "2026-12-01T05:00:00.000Z", "2026-12"],
  ["Pacific/Kiritimati", "2025-12-31T09:59:59.999Z", "2025-12", "2025-12-31T10:00:00.000Z", "2026-01"],
  ["Pacific/Pago_Pago", "2026-01-01T10:59:59.999Z", "2025-12", "2026-01-01T11:00:00.000Z", "2026-01"],
  ["Etc/GMT+5", "2026-03-01T04:59:59.999Z", "2026-02", "2026-03-01T05:00:00.000Z", "2026-03"],
];

/** Groups: by any scalar, by month in any zone, per currency, sorted, with the same filters as lists. */
export function summaries(store: () => Store): void {
  describe("summaries", () => {
    let owner: Owner;
    let rows: Row[];
    beforeAll(async () => {
      owner = await store().newOwner();
      const pick = <T>(i: number, ...values: T[]) => values[i % values.length] as T;
      const ids = [crypto.randomUUID(), crypto.randomUUID()] as const;
      await store().seed(
        owner,
        categories,
        ids.map((id) => ({ id, name: "c", kind: "expense" as const })),
      );
      const seeds = Array.from(
        { length: 60 },
        (_, i): Seed<typeof expenses> => ({
          amount: pick(i, "9.99", "0.0001", "10", "10.0000", "123456789012345.6789"),
          currency: pick(i, "CLF", "UYW", "CLF"),
          date: pick(i, "2026-01-31", "2026-02-01", "2025-12-31", "0999-12-01", "9999-01-01"),
          category_id: pick(i, null, ...ids, null),
          description: pick(i, null, "x", "Lunch", "lunch", "\u{1F600}", "\uFFFD", "null"),
          payment_method: pick(i, "card", null, "cash"),
          tags: pick<string[]>(i, ["work"], [], ["work", "Work"], ["a,b", "null"]),
          created_at: pick(i, "2026-01-31T23:30:00.000Z", "2026-03-29T01:30:00.000Z"),
        }),
      );
      await store().seed(owner, expenses, seeds);
      rows = value(await any(owner, "expenses").list(everything)).items as Row[];
      expect(rows).toHaveLength(60);
    });

    test.each([undefined, "month", "tags", ...scalars("expenses")])("by %s: as the model has them", async (by) => {
      const queries = [
        { filters: [], by },
        { filters: [{ field: "currency", operator: "eq", value: "CLF" } as const], by },
        { filters: [{ field: "amount", operator: "gte", value: "10" } as const], q: "lunch", by },
        { filters: [{ field: "tags", operator: "has", value: "work" } as const], by },
      ];
      for (const query of queries)
        expect(value(await any(owner, "expenses").summarize(query))).toEqual(
          summarized(byName("expenses"), rows, query),
        );
    });

    test("no records, no groups", async () => {
      const other = await store().newOwner();
      for (const by of [undefined, "month", "category_id"])
        expect(value(await other.repository(expenses).summarize({ filters: [], by }))).toEqual([]);
      const filters = [{ field: "amount", operator: "gt", value: "999999999999999" } as const];
      expect(value(await any(owner, "expenses").summarize({ filters }))).toEqual([]);
    });

    test("records without a value make the group null, which comes first", async () => {
      const groups = value(await owner.repository(expenses).summarize({ filters: [], by: "payment_method" }));
      expect([...new Set(groups.map(({ key }) => key))]).toEqual([null, "card", "cash"]);
    });

    test("collections without money only count", async () => {
      const other = await store().newOwner();
      const flags = [true, false, true];
      await store().seed(
        other,
        categories,
        flags.map((archived) => ({ name: "c", kind: "income" as const, archived })),
      );
      const nothing = { currency: null, sum: null, min: null, max: null, average: null };
      expect(value(await other.repository(categories).summarize({ filters: [], by: "archived" }))).toEqual([
        { key: "false", count: 1, ...nothing },
        { key: "true", count: 2, ...nothing },
      ]);
      expect(value(await other.repository(categories).summarize({ filters: [] }))).toEqual([
        { key: null, count: 3, ...nothing },
      ]);
    });

    test("payments are added in the currency of their loan", async () => {
      const other = await store().newOwner();
      const contact = await create(other, "contacts");
      const [euros, dollars] = [
        await create(other, "loans", { contact_id: contact.id, currency: "EUR" }),
        await create(other, "loans", { contact_id: contact.id, currency: "USD" }),
      ];
      const pay = (loan_id: string, amount: string) => ({ loan_id, amount, date: "2026-05-05" });
      await store().seed(other, loan_payments, [pay(euros.id, "1"), pay(dollars.id, "2"), pay(euros.id, "0.01")]);
      const groups = value(await other.repository(loan_payments).summarize({ filters: [], by: "month" }));
      expect(groups).toEqual([
        { key: "2026-05", currency: "EUR", count: 2, sum: "1.01", min: "0.01", max: "1.00", average: "0.505" },
        { key: "2026-05", currency: "USD", count: 1, sum: "2.00", min: "2.00", max: "2.00", average: "2.00" },
      ]);
    });

    test.each(months)("%s: %s is in %s, %s in %s", async (timeZone, before, month, after, next) => {
      const other = await store().newOwner();
      await store().seed(
        other,
        contacts,
        [before, after].map((created_at) => ({ name: created_at, created_at })),
      );
      const groups = value(await other.repository(contacts).summarize({ filters: [], by: "month", timeZone }));
      expect(groups.map(({ key, count }) => [key, count])).toEqual([
        [month, 1],
        [next, 1],
      ]);
    });

    test("a calendar day is in its month, whatever the zone", async () => {
      const query = { filters: [], by: "month" };
      const expected = value(await owner.repository(expenses).summarize(query));
      for (const timeZone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
        expect(value(await owner.repository(expenses).summarize({ ...query, timeZone }))).toEqual(expected);
    });

    test("zones that are not in the database, offsets, and what may be an abbreviation are refused", async () => {
      for (const timeZone of [
        "Mars/Olympus",
        "CET",
        "EST",
        "IST",
        "europe/berlin",
        "+02:00",
        "",
        "Europe/Berlin'; --",
        "$tz",
      ])
        expect([
          timeZone,
          outcome(await owner.repository(contacts).summarize({ filters: [], by: "month", timeZone })),
        ]).toEqual([timeZone, "invalid_query"]);
      for (const by of ["missing", "user_id", "search_text", ""])
        expect([by, outcome(await owner.repository(expenses).summarize({ filters: [], by }))]).toEqual([
          by,
          "invalid_query",
        ]);
    });
  });
}
