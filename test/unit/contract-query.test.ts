import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { collections } from "../../shared/collections/index.ts";
import { decodeCursor, encodeCursor } from "../../shared/contract/cursor.ts";
import { parseQuery } from "../../shared/contract/parse-query.ts";
import { isTimeZone, type ListQuery } from "../../shared/contract/query.ts";
import type { Collection } from "../../shared/definition/define.ts";

const { expenses, categories } = collections;
const list = (text: string) => parseQuery("list", expenses, new URLSearchParams(text));
const faults = (text: string) =>
  list(text)
    ._unsafeUnwrapErr()
    .errors?.map(({ field, code }) => [field, code]);

describe("queries in a URL", () => {
  test("nothing asked for is the newest fifty", () =>
    expect(list("")._unsafeUnwrap()).toEqual({
      filters: [],
      q: undefined,
      cursor: undefined,
      limit: 50,
      sort: [{ field: "created_at", direction: "desc" }],
    }));

  test("everything at once, in canonical spelling", () => {
    const id = "0190ABCD-EF01-7ABC-8DEF-0123456789AB";
    const text = `limit=7&sort=-amount&q=a%20b&amount[gte]=1.5000&date[lt]=2026-01-01&currency=EUR&category_id=${id}&created_at[gt]=2026-01-01T01:00:00%2B01:00&cursor=x`;
    expect(list(text)._unsafeUnwrap()).toEqual({
      limit: 7,
      sort: [{ field: "amount", direction: "desc" }],
      q: "a b",
      cursor: "x",
      filters: [
        { field: "amount", operator: "gte", value: "1.50" },
        { field: "date", operator: "lt", value: "2026-01-01" },
        { field: "currency", operator: "eq", value: "EUR" },
        { field: "category_id", operator: "eq", value: id.toLowerCase() },
        { field: "created_at", operator: "gt", value: "2026-01-01T00:00:00.000Z" },
      ],
    });
  });

  test("every fault is named", () =>
    expect(faults("limit=x&sort=tags&amuont=1&amount[gte]=a&date[like]=1&user_id=x&limit=3&tags=a")).toEqual(
      [
        ["limit", "repeated"],
        ["amuont", "unknown_parameter"],
        ["amount[gte]", "invalid_value"],
        ["date[like]", "unknown_operator"],
        ["user_id", "unknown_parameter"],
        ["tags", "unknown_operator"],
        ["sort", "unknown_field"],
        ["limit", "invalid_value"],
      ].sort((a, b) => order(a) - order(b)),
    ));

  /** as they stand in the URL, then the parameters with a meaning of their own */
  const order = ([field = "", code = ""]: string[]) =>
    ["amuont", "amount[gte]", "date[like]", "user_id", "repeated", "tags", "sort", "limit"].indexOf(
      code === "repeated" ? code : field,
    );

  test.each(["limit=0", "limit=201", "limit=-1", "limit=1e2", "limit=", "sort=", "sort=--date", "sort=description"])(
    "%s is refused",
    (text) => expect(list(text)._unsafeUnwrapErr()).toMatchObject({ kind: "invalid", code: "invalid_query" }),
  );

  test("several sorts, several values of one list, and absence", () =>
    expect(list("sort=-date,amount&tags[has]=a&tags[has]=b&category_id[null]=true")._unsafeUnwrap()).toMatchObject({
      sort: [
        { field: "date", direction: "desc" },
        { field: "amount", direction: "asc" },
      ],
      filters: [
        { field: "tags", operator: "has", value: "a" },
        { field: "tags", operator: "has", value: "b" },
        { field: "category_id", operator: "null", value: true },
      ],
    }));

  const message = (text: string, kind: "list" | "summary" = "list", collection: Collection = expenses) =>
    parseQuery(kind, collection, new URLSearchParams(text))._unsafeUnwrapErr().errors?.[0]?.message;

  test("what is wrong is said, and what to write instead", () => {
    expect(message("limit=3&limit=4")).toBe("Give limit once.");
    expect(message("amount=3&amount=3")).toBe("Give amount once.");
    expect(message("created_at[gt]=2026-01-01T01:00:00+01:00")).toBe("In a URL a + is a space: write the + as %2B.");
    expect(message("by=month&tz=Etc/GMT+5", "summary", categories)).toBe(
      "In a URL a + is a space: write the + as %2B.",
    );
    expect(message("amount[like]=1")).toBe(
      "Filter amount with amount=, amount[gte]=, amount[gt]=, amount[lte]=, amount[lt]=.",
    );
    expect(message("category_id[has]=1")).toBe("Filter category_id with category_id=, category_id[null]=.");
    expect(message("category_id[null]=yes")).toMatch(/^Write true for records without a value there/);
    expect(message("tags=x")).toBe("Filter tags with tags[has]=.");
    expect(message("sort=-nope")).toMatch(/^Sort by amount, currency, date, .* up to 3 with commas between/);
    expect(message("by=month&tz=Europe/Berlin", "summary")).toMatch(/^Leave out tz: .* date, a calendar day/);
    expect(message("by=name&tz=Europe/Berlin", "summary", categories)).toBe("Leave out tz: it is for by=month.");
    expect(message(Array(11).fill("tags[has]=x").join("&"))).toBe("At most 10 entries of tags.");
    expect(list(Array(10).fill("tags[has]=x").join("&")).isOk()).toBe(true);
  });

  test.each([
    "limit=1",
    "limit=200",
    "sort=amount",
    "sort=-date,-amount,currency",
    "sort=-created_at",
    "amount=0",
    "amount[gt]=0",
    "q=",
  ])("%s is fine", (text) => expect(list(text).isOk()).toBe(true));

  test("booleans are true or false", () => {
    const parsed = (text: string) => parseQuery("selection", categories, new URLSearchParams(text));
    expect(parsed("archived=true")._unsafeUnwrap().filters).toEqual([
      { field: "archived", operator: "eq", value: true },
    ]);
    for (const text of ["archived=1", "archived=", "archived=TRUE", "archived[gte]=true"])
      expect(parsed(text).isErr()).toBe(true);
  });

  test("parameters of another kind of query are unknown, the caller's own are not", () => {
    expect(parseQuery("selection", expenses, new URLSearchParams("limit=1")).isErr()).toBe(true);
    expect(
      parseQuery("summary", categories, new URLSearchParams("by=month&tz=Asia/Kathmandu"))._unsafeUnwrap(),
    ).toEqual({
      filters: [],
      q: undefined,
      by: "month",
      timeZone: "Asia/Kathmandu",
    });
    expect(parseQuery("selection", expenses, new URLSearchParams("from=x"), ["from"]).isOk()).toBe(true);
    expect(parseQuery("selection", expenses, new URLSearchParams("__proto__=x&constructor=y")).isErr()).toBe(true);
  });

  test("time zones are names", () => {
    for (const name of ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Etc/GMT+5"]) expect(isTimeZone(name)).toBe(true);
    for (const name of ["+02:00", "", "Mars", "../etc", "UTC;", "CET", "EST", "IST", "EST5EDT", "europe/berlin"])
      expect(isTimeZone(name)).toBe(false);
  });
});

describe("reading is not writing", () => {
  // a currency that no list has, an amount below zero, a text that is longer than may be written now
  const stored = { currency: "QQQ", amount: "-12.50", description: "x".repeat(3_000), category_id: null };

  test.each(["currency=QQQ", "amount=-12.5", "amount[gte]=-1", `description=${stored.description}`, "description="])(
    "%s finds what is stored, whatever may be written now",
    (text) => expect(list(text).isOk()).toBe(true),
  );

  test.each(Object.entries(stored))("a page may end at such a %s", (field, key) => {
    const query: ListQuery = { filters: [], sort: { field, direction: "asc" }, limit: 5 };
    const [id, created_at] = ["0190abcd-ef01-7abc-8def-0123456789ab", "2026-03-14T15:09:26.535Z"];
    const cursor = encodeCursor("a", expenses, query, { [field]: key, created_at, id });
    expect(decodeCursor("a", expenses, { ...query, cursor })._unsafeUnwrap()).toEqual([key, created_at, id]);
  });

  test("an answer may show it, and what is no such kind of value is refused all the same", () => {
    const { shape } = expenses.schemas.record as unknown as { shape: Record<string, z.ZodType> };
    for (const [field, value] of Object.entries(stored)) expect(shape[field]?.safeParse(value).success).toBe(true);
    for (const text of ["currency=euro", "amount=x", "amount=--1", "date=2026-02-30", "category_id=1"])
      expect(faults(text)).toEqual([[text.slice(0, text.indexOf("=")), "invalid_value"]]);
  });
});

describe("cursors", () => {
  const query: ListQuery = { filters: [], sort: { field: "description", direction: "asc" }, limit: 5 };
  const id = "0190abcd-ef01-7abc-8def-0123456789ab";
  const created_at = "2026-01-01T00:00:00.000Z";
  const read = (cursor: string, more: Partial<ListQuery> = {}, owner = "a") =>
    decodeCursor(owner, expenses, { ...query, ...more, cursor });

  test("give back what went in, whatever the text", () => {
    for (const key of [null, "", "a", "😀\n\"'\\", "x".repeat(2000), "😀".repeat(2000)]) {
      const cursor = encodeCursor("a", expenses, query, { description: key, created_at, id });
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(read(cursor)._unsafeUnwrap()).toEqual([key, created_at, id]);
      expect(read(cursor, { limit: 50 }).isOk()).toBe(true);
    }
    expect(decodeCursor("a", expenses, query)._unsafeUnwrap()).toBeUndefined();
  });

  test("belong to one owner, collection and query", () => {
    const cursor = encodeCursor("a", expenses, query, { description: "a", created_at, id });
    const wrong = [
      read(cursor, {}, "b"),
      read(cursor, { q: "a" }),
      read(cursor, { sort: { field: "description", direction: "desc" } }),
      read(cursor, { filters: [{ field: "currency", operator: "eq", value: "EUR" }] }),
      decodeCursor("a", collections.incomes, { ...query, cursor }),
      read(`${cursor}x`),
      read(""),
      read("A".repeat(34_001)),
    ];
    for (const result of wrong)
      expect(result._unsafeUnwrapErr()).toMatchObject({ kind: "invalid", code: "invalid_cursor" });
  });
});
