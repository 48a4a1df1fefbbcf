/** CSV exports: RFC 4180, page by page, and never a cut file that looks whole. */
import { ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import { csvStream } from "../../api/_csv.ts";
import { collections } from "../../shared/collections/index.ts";
import { busy, fail, unavailable } from "../../shared/contract/errors.ts";
import { memoryApi, token } from "./api-memory.ts";

const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
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
    'a "quoted", word',
    "two\r\nlines",
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\tx",
    "\rx",
    "ünï😀",
    "'plain",
    "",
    " =1",
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
  // as they are stored: without white space around them
  const guarded = texts.map((text) => text.trim()).map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text));
  expect(rows.slice(0, texts.length).map((row) => row[at])).toEqual(guarded);
  expect(JSON.parse(rows[0]?.[head?.indexOf("tags") ?? -1] ?? "")).toEqual(["a", "b,c"]);
  expect(rows.every((row) => row.length === head?.length)).toBe(true);
});

test("a database that goes away in the middle breaks the connection", async () => {
  const first = { items: [{ id: "1" }], next_cursor: "2" };
  const repository = { list: async () => fail(unavailable("gone")) };
  const stream = csvStream(collections.expenses, repository as never, query, first);
  await expect(new Response(stream).text()).rejects.toThrow();
});

test("a page that the database is too busy for is asked for again, after the time that it names", async () => {
  const first = { items: [{ id: "1" }], next_cursor: "2" };
  const answers = [fail(busy("later")), fail(busy("later")), ok({ items: [{ id: "2" }], next_cursor: null })];
  const repository = { list: async () => answers.shift() };
  const waits: number[] = [];
  const wait = async (ms: number) => waits.push(ms);
  const text = await new Response(csvStream(collections.expenses, repository as never, query, first, wait)).text();
  expect(parse(text).map(([id]) => id)).toEqual(["id", "1", "2"]);
  expect(waits).toEqual([1_000, 1_000]);
});

test("nobody waits for the page of a reader that has left", async () => {
  const first = { items: [{ id: "1" }], next_cursor: "2" };
  const turn = Promise.withResolvers<void>();
  const list = vi.fn(async () => fail(busy("later")));
  const wait = () => turn.promise;
  const reader = csvStream(collections.expenses, { list } as never, query, first, wait).getReader();
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
  const reader = csvStream(collections.expenses, repository as never, query, page).getReader();
  await reader.read();
  const ahead = reads;
  expect(ahead).toBeLessThanOrEqual(2);
  await reader.cancel();
  expect(reads).toBeLessThanOrEqual(ahead + 1);
});
