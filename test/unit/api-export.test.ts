/** CSV exports: RFC 4180, page by page, and never a cut file that looks whole. */
import fc from "fast-check";
import { ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import { csvStream } from "../../api/_csv.ts";
import { columnsOf, toCell, unguarded } from "../../api/_csv-cells.ts";
import { allCollections, collections } from "../../shared/collections/index.ts";
import { busy, fail, unavailable } from "../../shared/contract/errors.ts";
import { memoryApi, token } from "./api-memory.ts";

const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
const columns = columnsOf(collections.expenses, allCollections);
const named = async () => ({ list: async () => ok({ items: [], next_cursor: null }) });
const query = { filters: [], sort: { field: "created_at", direction: "asc" as const }, limit: 200 };

/** Records of a CSV text, by the grammar of RFC 4180. */
function parse(text: string): string[][] {
  const records: string[][] = [];
  for (const record of text.matchAll(/((?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\r\n]*))*)\r\n/g))
    records.push(
      [...(record[1] ?? "").matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
      ),
    );
  return records;
}

test("every record is there, with a header, in pages of 200", async () => {
  const { app } = memoryApi();
  const texts = [
    ...['a "quoted", word', "two\r\nlines", "=1+1", "+1", "-1", "@x", "ünï😀", "'plain"],
    ...["＝1", "＋1", "－1", "＠x", "a;=1", "a\n-1", "'=1", "''=1"],
  ];
  const guarded = [
    ...['a "quoted", word', "two\r\nlines", "'=1+1", "'+1", "'-1", "'@x", "ünï😀", "'plain"],
    ...["'＝1", "'＋1", "'－1", "'＠x", "a;'=1", "a\n'-1", "''=1", "'''=1"],
  ];
  for (let i = 0; i < 405; i++) {
    const body = {
      amount: "1.10",
      currency: "EUR",
      date: "2026-01-31",
      description: texts[i] ?? `n${i}`,
      tags: ["a", "b,c"],
    };
    await app.request("/api/expenses", { method: "POST", headers, body: JSON.stringify(body) });
  }
  const response = await app.request("/api/expenses/export.csv", { headers });
  expect(response.headers.get("content-type")).toContain("text/csv; charset=utf-8");
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="expenses.csv"');
  const [head, ...rows] = parse(await response.text());
  expect(head?.slice(0, 4)).toEqual(["id", "amount", "currency", "date"]);
  expect(rows).toHaveLength(405);
  const at = head?.indexOf("description") ?? -1;
  expect(rows.slice(0, texts.length).map((row) => row[at])).toEqual(guarded);
  expect(JSON.parse(rows[0]?.[head?.indexOf("tags") ?? -1] ?? "")).toEqual(["a", "b,c"]);
  expect(rows.every((row) => row.length === head?.length)).toBe(true);
});

test("numbers stand bare, texts in quotes, and names beside the ids of what they are of", async () => {
  const { app } = memoryApi();
  const post = async (path: string, body: object) =>
    (await app.request(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
  const category = await post("/api/categories", { name: "=Food", kind: "expense" });
  const expense = { amount: "12.50", currency: "EUR", date: "2026-01-31", description: 'a "b"' };
  const made = await post("/api/expenses", { ...expense, category_id: category.id });
  const plain = await post("/api/expenses", expense);
  const response = await app.request("/api/expenses/export.csv?bom=1", { headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  const [head, ...lines] = new TextDecoder().decode(bytes).split("\r\n");
  const [at, stamp] = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"];
  expect(head).toBe(
    '"id","amount","currency","date","category_id","category_id.name","description","payment_method","tags","version","created_at","updated_at"',
  );
  expect(lines).toEqual([
    `"${made.id}",12.50,"EUR","2026-01-31","${category.id}","'=Food","a ""b""",,"[]",${made.version},"${at}","${stamp}"`,
    `"${plain.id}",12.50,"EUR","2026-01-31",,,"a ""b""",,"[]",${plain.version},"${at}","${stamp}"`,
    "",
  ]);
  const without = await app.request("/api/expenses/export.csv?bom=0", { headers });
  expect((await without.text()).startsWith('"id"')).toBe(true);
  for (const bad of ["bom=yes", "bom=1&bom=1"])
    expect((await app.request(`/api/expenses/export.csv?${bad}`, { headers })).status).toBe(400);
});

test.each(["\t", "\r", "\n", "=", "+", "-", "@", "＝", "＋", "－", "＠"])(
  "a text that begins with %j is guarded",
  (sign) => {
    for (const text of [`${sign}x`, `'${sign}x`, `x;${sign}y`, `\n${sign}`, ` ${sign}`]) {
      const cell = toCell(text, false);
      expect(cell).not.toMatch(/^"[=+\-@\t\r\n＝＋－＠]|[;\t\r\n][=+\-@＝＋－＠]/);
      expect(unguarded(cell.slice(1, -1))).toBe(text);
    }
  },
);

test("the guard comes off any text exactly", () => {
  const pieces = fc.constantFrom("'", "=", "-", ";", "\t", "\n", "\r", "a", "＠", '"', ",");
  fc.assert(
    fc.property(fc.array(pieces), (all) => {
      const text = all.join("");
      expect(unguarded(toCell(text, false).slice(1, -1).replaceAll('""', '"'))).toBe(text);
    }),
  );
});

test("an amount below zero is a number and no formula", () => {
  expect(toCell("-12.50", true)).toBe("-12.50");
  expect(toCell("-12.50", false)).toBe('"\'-12.50"');
});

test("names are read in pages and once, not row by row", async () => {
  const ids = Array.from({ length: 450 }, (_, i) => `c${i}`);
  const list = vi.fn(async ({ cursor = "0" }: { cursor?: string | undefined }) => {
    const items = ids.slice(Number(cursor), Number(cursor) + 200).map((id) => ({ id, name: `name of ${id}` }));
    const next = Number(cursor) + 200;
    return ok({ items, next_cursor: next < ids.length ? String(next) : null });
  });
  const pages = [["c0", "c449"], ["c3", null, "gone"], ["c5"]].map((page, n) => ({
    items: page.map((category_id, i) => ({ id: `${n}${i}`, category_id })),
    next_cursor: n < 2 ? String(n + 1) : null,
  }));
  const repository = { list: async ({ cursor }: { cursor: string }) => ok(pages[Number(cursor)]) };
  const stream = csvStream({
    columns,
    repository: repository as never,
    query,
    first: pages[0] as never,
    named: async () => ({ list }) as never,
  });
  const [head, ...rows] = parse(await new Response(stream).text());
  const at = head?.indexOf("category_id.name") ?? -1;
  expect(rows.map((row) => row[at])).toEqual(["name of c0", "name of c449", "name of c3", "", "", "name of c5"]);
  expect(list).toHaveBeenCalledTimes(3);
});

test("a database that goes away in the middle breaks the connection", async () => {
  const first = { items: [{ id: "1" }], next_cursor: "2" };
  const repository = { list: async () => fail(unavailable("gone")) };
  const stream = csvStream({ columns, repository: repository as never, query, first, named });
  await expect(new Response(stream).text()).rejects.toThrow();
});

test("a page that the database is too busy for is asked for again, after the time that it names", async () => {
  const first = { items: [{ id: "1" }], next_cursor: "2" };
  const answers = [fail(busy("later")), fail(busy("later")), ok({ items: [{ id: "2" }], next_cursor: null })];
  const repository = { list: async () => answers.shift() };
  const waits: number[] = [];
  const wait = async (ms: number) => waits.push(ms);
  const text = await new Response(
    csvStream({ columns, repository: repository as never, query, first, named, wait }),
  ).text();
  expect(parse(text).map(([id]) => id)).toEqual(["id", "1", "2"]);
  expect(waits).toEqual([1_000, 1_000]);
});

test("nobody waits for the page of a reader that has left", async () => {
  const first = { items: [{ id: "1" }], next_cursor: "2" };
  const turn = Promise.withResolvers<void>();
  const list = vi.fn(async () => fail(busy("later")));
  const wait = () => turn.promise;
  const reader = csvStream({ columns, repository: { list } as never, query, first, named, wait }).getReader();
  await reader.read();
  await vi.waitUntil(() => list.mock.calls.length === 1);
  await reader.cancel();
  turn.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(list.mock.calls.length).toBeLessThanOrEqual(2);
});

test("the next page is read only when the reader wants it, and none after it has left", async () => {
  let reads = 0;
  const page = { items: [{ id: "1" }], next_cursor: "more" };
  const repository = {
    list: async () => {
      reads++;
      return ok(page);
    },
  };
  const reader = csvStream({ columns, repository: repository as never, query, first: page, named }).getReader();
  await reader.read();
  const ahead = reads;
  expect(ahead).toBeLessThanOrEqual(2);
  await reader.cancel();
  expect(reads).toBeLessThanOrEqual(ahead + 1);
});
