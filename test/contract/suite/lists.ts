import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { anyOf, type Filter, operatorsOf } from "../../../shared/contract/query.ts";
import { fieldOf } from "../../../shared/definition/define.ts";
import type { Field } from "../../../shared/definition/fields.ts";
import { partOf } from "../../setup/effort.ts";
import { type Owner, outcome, type Seed, type Store, value } from "../store.ts";
import { type Row, selected, sorted } from "./model.ts";
import { any, byName } from "./samples.ts";
import { everything, oldest, walk } from "./walk.ts";

const { categories, loans, contacts, expenses } = collections;
const scalars = (name: string) =>
  ["id", "version", "created_at", "updated_at", ...Object.keys(byName(name).fields)].filter(
    (field) => fieldOf(byName(name), field)?.kind !== "tags",
  );

function definition(name: string, field: string): Field {
  const found = fieldOf(byName(name), field);
  if (!found) throw new Error(`${name} has no field ${field}`);
  return found;
}

/** Lists, filters and counts against a model over an array. */
export function lists(store: () => Store): void {
  describe("lists", () => {
    let owner: Owner;
    let rows: Row[];
    beforeAll(async () => {
      owner = await store().newOwner();
      rows = await mixedLoans(store(), owner);
    });

    test.each(scalars("loans").flatMap((field) => [["asc", field] as const, ["desc", field] as const]))(
      "%s by %s: nulls first ascending, last descending, ties by when they were made, whatever the page",
      async (direction, field) => {
        const sort = { field, direction };
        const expected = sorted(byName("loans"), rows, sort);
        for (const limit of [7, 200]) {
          const items = await walk(any(owner, "loans"), { filters: [], sort, limit });
          expect(items.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        }
      },
    );

    test("every page size from 1 to 60, on a key with ties and nulls", async () => {
      const sort = { field: "due_on", direction: "desc" } as const;
      const expected = sorted(byName("loans"), rows, sort);
      for (let limit = 1; limit <= rows.length; limit += limit < 12 ? 1 : 7)
        expect(await walk(any(owner, "loans"), { filters: [], sort, limit })).toEqual(expected);
    });

    test.each(scalars("loans"))("filters on %s: every operator that its kind has", async (field) => {
      const operators = operatorsOf(definition("loans", field)).filter((each) => each !== "null");
      const values = new Set(rows.map((row) => row[field]).filter((each) => each !== null) as Filter["value"][]);
      for (const operand of [...values].slice(0, 6))
        for (const operator of operators) {
          const filters = [{ field, operator, value: operand }];
          const expected = selected(byName("loans"), rows, { filters });
          const items = value(await any(owner, "loans").list({ ...everything, filters })).items;
          expect(items).toEqual(sorted(byName("loans"), expected, oldest));
          expect(value(await any(owner, "loans").count({ filters }))).toBe(expected.length);
        }
    });

    test("one of several ids, of what is referred to and of the records themselves", async () => {
      const [first, second] = [...new Set(rows.map((row) => String(row.contact_id)))];
      const some = [rows[0], rows[5], rows[9]].map((row) => String(row?.id));
      for (const filter of [
        anyOf("contact_id", [String(first), String(second)]),
        anyOf("contact_id", [String(first), crypto.randomUUID()]),
        anyOf("contact_id", []),
        anyOf("id", some),
      ]) {
        const expected = selected(byName("loans"), rows, { filters: [filter] });
        const items = value(await any(owner, "loans").list({ ...everything, filters: [filter] })).items;
        expect(items).toEqual(sorted(byName("loans"), expected, oldest));
        expect(value(await any(owner, "loans").count({ filters: [filter] }))).toBe(expected.length);
        const groups = value(await any(owner, "loans").summarize({ filters: [filter], by: "contact_id" }));
        expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(expected.length);
      }
    });

    test("of ids there are at most 200, and each is one", async () => {
      const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID() as string);
      const ask = (filter: Filter) => any(owner, "loans").count({ filters: [filter] });
      expect(outcome(await ask(anyOf("contact_id", ids(200))))).toBe("ok");
      for (const filter of [
        anyOf("contact_id", ids(201)),
        anyOf("contact_id", ["no id"]),
        anyOf("description", ids(1)),
      ])
        expect(outcome(await ask(filter))).toBe("invalid_query");
    });

    test("filters, search and sort together, at random", async () => {
      const filter = fc.constantFrom(...scalars("loans")).chain((field) => {
        const values = [...new Set(rows.map((row) => row[field]).filter((each) => each !== null))] as Filter["value"][];
        const operators = operatorsOf(definition("loans", field)).filter((each) => each !== "null");
        return fc.record({
          field: fc.constant(field),
          operator: fc.constantFrom(...operators),
          value: fc.constantFrom(...values),
        });
      });
      const query = fc.record({
        filters: fc.array(filter, { maxLength: 3 }),
        q: fc.option(fc.constantFrom("car", "CAR", "100%", "a_b", "x"), { nil: undefined }),
        sort: fc.uniqueArray(
          fc.record({ field: fc.constantFrom(...scalars("loans")), direction: fc.constantFrom("asc", "desc") }),
          { minLength: 1, maxLength: 3, selector: ({ field }) => field },
        ),
        limit: fc.constantFrom(3, 50),
      });
      await fc.assert(
        fc.asyncProperty(query, async (asked) => {
          const expected = sorted(byName("loans"), selected(byName("loans"), rows, asked), asked.sort);
          expect(await walk(any(owner, "loans"), asked)).toEqual(expected);
        }),
        { numRuns: partOf(40, 5) },
      );
    });

    test.each([
      ["due_on", "asc", "interest_rate", "desc", "description", "asc"],
      ["due_on", "desc", "interest_rate", "asc", "status", "desc"],
      ["currency", "desc", "date", "desc", "due_on", "desc"],
      ["interest_rate", "desc", "due_on", "desc", "description", "desc"],
      ["status", "asc", "created_at", "desc", "due_on", "asc"],
    ] as const)("by three fields, whatever the page: %s %s, %s %s, %s %s", async (a, one, b, two, c, three) => {
      const sort = [
        { field: a, direction: one },
        { field: b, direction: two },
        { field: c, direction: three },
      ];
      const expected = sorted(byName("loans"), rows, sort);
      for (const limit of [1, 2, 7, 200])
        expect(await walk(any(owner, "loans"), { filters: [], sort, limit })).toEqual(expected);
    });

    test("records of one day, made with idempotency keys, come in the order in which they were made", async () => {
      const other = await store().newOwner();
      const repository = other.repository(expenses);
      const made: string[] = [];
      // ids that say nothing of when
      for (const id of ["f", "0", "8", "3"].map((digit) => `${digit}0000000-0000-8000-8000-000000000000`)) {
        const before = made.length === 0 ? "" : value(await repository.get(made.at(-1) ?? "")).created_at;
        let record = value(await repository.create({ id, amount: "1", currency: "EUR", date: "2026-03-14" }));
        // milliseconds are what ties are told apart by
        while (record.created_at <= before) {
          value(await repository.delete(id));
          record = value(await repository.create({ id, amount: "1", currency: "EUR", date: "2026-03-14" }));
        }
        made.push(id);
      }
      for (const direction of ["asc", "desc"] as const) {
        const sort = { field: "date", direction };
        const listed = await walk(repository, { filters: [], sort, limit: 2 });
        expect(listed.map(({ id }) => id)).toEqual(direction === "asc" ? made : [...made].reverse());
      }
    });

    test("filters on lists: all that are named are in it", async () => {
      const other = await store().newOwner();
      const tags = [["a", "b"], ["b"], [], ["a", "b", "c", "A"], ['x,"y"', "null", "a b", "$a"]];
      await store().seed(
        other,
        expenses,
        tags.map((each) => ({ amount: "1", currency: "EUR", date: "2026-03-14", tags: each })),
      );
      const repository = any(other, "expenses");
      for (const names of [
        ["a"],
        ["b", "a"],
        ["b", "b"],
        ["c", "x"],
        ["null"],
        ['x,"y"'],
        ["$a"],
        ["A", "a"],
        ["a b"],
      ]) {
        const filters = names.map((name): Filter => ({ field: "tags", operator: "has", value: name }));
        const expected = tags.filter((each) => names.every((name) => each.includes(name)));
        expect(value(await repository.count({ filters }))).toBe(expected.length);
        const { items } = value(await repository.list({ ...everything, filters }));
        expect(items.map((item) => JSON.stringify(item.tags)).sort()).toEqual(
          expected.map((e) => JSON.stringify(e)).sort(),
        );
      }
    });

    test.each(scalars("loans").filter((field) => !definition("loans", field).required))(
      "filters on %s: by whether it is there",
      async (field) => {
        for (const isAbsent of [true, false]) {
          const filters: Filter[] = [{ field, operator: "null", value: isAbsent }];
          const expected = selected(byName("loans"), rows, { filters });
          expect(expected.length).toBeGreaterThan(0);
          const { items } = value(await any(owner, "loans").list({ ...everything, filters }));
          expect(items).toEqual(sorted(byName("loans"), expected, oldest));
          expect(value(await any(owner, "loans").count({ filters }))).toBe(expected.length);
        }
      },
    );

    test("at most 50 filters and 3 sorts", async () => {
      const repository = any(owner, "loans");
      const filters = Array.from({ length: 51 }, () => ({ field: "amount", operator: "gt", value: "1" }) as const);
      expect(value(await repository.list({ ...everything, filters: filters.slice(1) })).items.length).toBeGreaterThan(
        0,
      );
      expect(outcome(await repository.list({ ...everything, filters }))).toBe("invalid_query");
      const sorts = ["amount", "currency", "date", "status"].map((field) => ({ field, direction: "asc" }) as const);
      expect(outcome(await repository.list({ ...everything, sort: sorts.slice(1) }))).toBe("ok");
      for (const sort of [sorts, [], [sorts[0], sorts[0]] as (typeof sorts)[number][]])
        expect(outcome(await repository.list({ ...everything, sort }))).toBe("invalid_query");
    });

    test("booleans filter and sort, false before true", async () => {
      const other = await store().newOwner();
      const flags = [true, false, true, false, false];
      await store().seed(
        other,
        categories,
        flags.map((archived, i) => ({ name: `c${i}`, kind: "expense", archived })),
      );
      const repository = other.repository(categories);
      for (const archived of [true, false]) {
        const filters = [{ field: "archived", operator: "eq", value: archived }] as const;
        expect(value(await repository.count({ filters }))).toBe(archived ? 2 : 3);
      }
      const sort = { field: "archived", direction: "asc" } as const;
      const listed = await walk(repository, { filters: [], sort, limit: 2 });
      expect(listed.map(({ archived }) => archived)).toEqual([false, false, false, true, true]);
    });

    test("limits from 1 to 200 and nothing else", async () => {
      const repository = any(owner, "loans");
      expect(value(await repository.list({ ...everything, limit: 1 })).items).toHaveLength(1);
      for (const limit of [0, -1, 201, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
        expect(outcome(await repository.list({ ...everything, limit }))).toBe("invalid_query");
    });

    test("an exact last page has no next cursor, an empty list is a page", async () => {
      const page = value(await any(owner, "loans").list({ ...everything, limit: rows.length }));
      expect(page.items).toHaveLength(rows.length);
      expect(page.next_cursor).toBeNull();
      const empty = any(await store().newOwner(), "loans");
      expect(value(await empty.list(everything))).toEqual({ items: [], next_cursor: null });
      expect(value(await empty.count({ filters: [] }))).toBe(0);
    });

    test("queries that make no sense are refused, with the parameter named", async () => {
      const repository = any(owner, "loans");
      const wrong: [string, Filter][] = [
        ["missing", { field: "missing", operator: "eq", value: "x" }],
        ["user_id", { field: "user_id", operator: "eq", value: crypto.randomUUID() }],
        ["direction[gte]", { field: "direction", operator: "gte", value: "lent" }],
        ["direction[has]", { field: "direction", operator: "has", value: "lent" }],
        ["direction[null]", { field: "direction", operator: "null", value: true }],
        ["due_on[null]", { field: "due_on", operator: "null", value: "true" }],
        ["amount", { field: "amount", operator: "eq", value: "12,5" }],
        ["date[lt]", { field: "date", operator: "lt", value: "yesterday" }],
        ["id", { field: "id", operator: "eq", value: "x" }],
        ["version", { field: "version", operator: "eq", value: 1.5 }],
        ["description", { field: "description", operator: "eq", value: "a\u0000" }],
        ["search_text", { field: "search_text", operator: "eq", value: "x" }],
      ];
      for (const [path, filter] of wrong)
        for (const result of [
          await repository.list({ ...everything, filters: [filter] }),
          await repository.count({ filters: [filter] }),
          await repository.summarize({ filters: [filter] }),
        ])
          expect(result._unsafeUnwrapErr()).toMatchObject({ code: "invalid_query", errors: [{ field: path }] });
      for (const field of ["missing", "user_id", "search_text", "a.b", ""]) {
        const sort = { field, direction: "asc" } as const;
        expect(outcome(await repository.list({ ...everything, sort }))).toBe("invalid_query");
      }
      for (const filter of [
        { field: "tags", operator: "eq", value: "a" },
        { field: "tags", operator: "null", value: true },
        { field: "tags", operator: "has", value: "a\u0000" },
        { field: "tags", operator: "has", value: "x".repeat(51) },
      ] as const)
        expect(outcome(await any(owner, "expenses").list({ ...everything, filters: [filter] }))).toBe("invalid_query");
      expect(outcome(await repository.list({ ...everything, q: "x".repeat(201) }))).toBe("invalid_query");
      expect(outcome(await repository.list({ ...everything, q: "\ud800" }))).toBe("invalid_query");
    });
  });

  /** Sixty loans with few distinct values in every field, so that keys tie, and with nulls wherever they may be. */
  async function mixedLoans(to: Store, owner: Owner): Promise<Row[]> {
    const people = [crypto.randomUUID(), crypto.randomUUID()];
    await to.seed(
      owner,
      contacts,
      people.map((id) => ({ id, name: "Mina" })),
    );
    const pick = <T>(i: number, ...values: T[]) => values[i % values.length] as T;
    const seeds = Array.from(
      { length: 60 },
      (_, i): Seed<typeof loans> => ({
        id: crypto.randomUUID(),
        contact_id: pick(i, ...people),
        direction: pick(i, "lent", "borrowed", "lent"),
        amount: pick(i, "9", "10.00", "9.0001", "100", "0.5"),
        currency: pick(i, "CLF", "UYW", "XAU", "UYW"),
        date: pick(i, "2026-01-31", "2025-12-31", "2026-02-01"),
        due_on: pick(i, null, "2026-12-31", "2027-01-01", null),
        interest_rate: pick(i, "0", null, "10", "9.5", "0.0001", null, "9.50"),
        description: pick(i, null, "Car", "x", "100% a_b", "scarf (new)"),
        status: pick(i, "open", "settled"),
        created_at: pick(i, "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.002Z", "2025-06-01T00:00:00.000Z"),
      }),
    );
    await to.seed(owner, loans, seeds);
    return (await walk(any(owner, "loans"), everything)) as Row[];
  }
}
