/** CSV imports: what the export wrote comes back as it was, twice is once, and nothing is written by looking. */
import { beforeEach, describe, expect, test } from "vitest";
import { memoryApi, token } from "./api-memory.ts";

const authorization = `Bearer ${await token()}`;
const COLUMNS = "amount,currency,date,description";
type Body = Record<string, unknown>;

let { app } = memoryApi();
beforeEach(() => {
  ({ app } = memoryApi());
});

async function send(method: string, path: string, body?: string, type = "application/json") {
  const response = await app.request(`/api/${path}`, {
    method,
    headers: { authorization, "content-type": type },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  const value: any = text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
  return { status: response.status, text, value, headers: response.headers };
}
const post = async (collection: string, body: Body) => (await send("POST", collection, JSON.stringify(body))).value;
const load = (text: string, query = "", collection = "expenses") =>
  send("POST", `${collection}/import.csv${query}`, text, "text/csv");
const count = async (collection = "expenses") => (await send("GET", `${collection}/count`)).value.count;
const all = async (collection = "expenses") => (await send("GET", `${collection}?limit=200`)).value.items as Body[];
/** Of a record, what an import brings. */
const content = ({ version: _, created_at: __, updated_at: ___, ...rest }: Body) => rest;

describe("what the export wrote", () => {
  const texts = [
    ...[
      "=1+1",
      "'=1",
      "''-x",
      "'plain",
      'a "quote", and ; more',
      "two\r\nlines\n- item",
      "\tx",
      "＝1",
      "a;=1",
      "a;'=1",
    ],
    ...["ünï😀", "- list", "1,2;3\t4", "TRUE", "2026-01-01"],
  ];

  test.each([
    ["as it is", (text: string) => text],
    ["with a byte order mark", (text: string) => `\uFEFF${text}`],
    ["with line feeds only", (text: string) => text.replace(/\r\n(?="[0-9a-f]{8}-|$)/g, "\n")],
  ])("%s comes back as it was", async (_, change) => {
    const category = await post("categories", { name: "Food", kind: "expense" });
    for (const description of texts)
      await post("expenses", {
        amount: "1.10",
        currency: "EUR",
        date: "2026-01-31",
        description,
        category_id: category.id,
        tags: ["a,b", "=c", description.slice(0, 9)],
      });
    const exported = (await send("GET", "expenses/export.csv")).text;
    const before = await all();
    const again = await load(change(exported), "?commit=1");
    expect([again.status, again.value.counts], again.text).toEqual([
      200,
      { created: 0, updated: 0, unchanged: texts.length, conflict: 0, invalid: 0 },
    ]);

    // to a place where nothing is yet
    ({ app } = memoryApi());
    await post("categories", { id: category.id, name: "Food", kind: "expense" });
    const { status, value } = await load(change(exported), "?commit=1");
    expect([status, value.committed, value.counts.created]).toEqual([200, true, texts.length]);
    expect((await all()).map(content)).toEqual(before.map(content));
  });

  test("comes back from a spreadsheet that writes semicolons and no quotes", async () => {
    await post("expenses", { amount: "1.10", currency: "EUR", date: "2026-01-31", description: "=1", tags: ["x"] });
    const [before] = await all();
    const exported = (await send("GET", "expenses/export.csv")).text.trimEnd();
    for (const separator of [";", "\t"]) {
      const saved = exported.replaceAll('["x"]', "x").replaceAll('""', '"').replaceAll('["x"]', "x");
      const text = saved.replaceAll('"', "").replaceAll(",", separator).replace("1.10", "1.1");
      const { value } = await load(text);
      expect([value?.counts.unchanged, value?.outcomes[0]?.id], text).toEqual([1, before?.id]);
    }
  });
});

describe("an import", () => {
  const rows = `${COLUMNS}\n1.5,EUR,2026-01-31,one\n2,USD,2026-02-01,"two\nlines"\n3,EUR,2026-02-02,three\n`;

  test("only looks unless it is told to write", async () => {
    for (const query of ["", "?commit=0"]) {
      const { status, value } = await load(rows, query);
      expect([status, value.committed, value.rows, value.counts.created]).toEqual([200, false, 3, 3]);
      expect(value.outcomes.map(({ line, outcome }: Body) => [line, outcome])).toEqual([
        [2, "created"],
        [3, "created"],
        [5, "created"],
      ]);
      expect(await count()).toBe(0);
    }
    const { value } = await load(rows, "?commit=1");
    expect([value.committed, value.counts.created, await count()]).toEqual([true, 3, 3]);
  });

  test("twice makes no second record, and equal rows are as many as they are", async () => {
    const text = `${COLUMNS}\n1,EUR,2026-01-31,coffee\n1.00,EUR,2026-01-31,coffee\n`;
    expect((await load(text, "?commit=1")).value.counts).toMatchObject({ created: 2 });
    expect((await load(text, "?commit=1")).value.counts).toMatchObject({ created: 0, unchanged: 2 });
    // in another order of columns, and with one more
    const other = `description,date,currency,amount,tags\ncoffee,2026-01-31,EUR,1,\ncoffee,2026-01-31,EUR,1,\n`;
    expect((await load(other, "?commit=1")).value.counts).toMatchObject({ created: 0, unchanged: 2 });
    expect(await count()).toBe(2);
  });

  test("overwrites nothing unless it is told to", async () => {
    const made = await post("expenses", { amount: "1", currency: "EUR", date: "2026-01-31", description: "mine" });
    const text = `id,amount,description\n${made.id.toUpperCase()},2.00,mine\n`;
    const reported = await load(text, "?commit=1");
    expect(reported.value.outcomes).toMatchObject([
      { line: 2, id: made.id, outcome: "conflict", errors: [{ field: "amount", code: "differs" }] },
    ]);
    expect((await all())[0]).toEqual(made);
    expect((await load(text, "?on_conflict=update")).value.counts).toMatchObject({ updated: 1 });
    expect((await all())[0]).toEqual(made);
    expect((await load(text, "?on_conflict=update&commit=1")).value.counts).toMatchObject({ updated: 1 });
    expect((await all())[0]).toMatchObject({ amount: "2.00", description: "mine", currency: "EUR" });
    // an empty cell clears, a column that is not there leaves alone
    await load(`id,description\n${made.id},\n`, "?on_conflict=update&commit=1");
    expect((await all())[0]).toMatchObject({ amount: "2.00", description: null });
  });

  test("names every fault by its line, and writes nothing while there is one", async () => {
    const text = `${COLUMNS}\n1,EUR,2026-01-31,good\n\n,EUR,2026-02-30,"bad\none"\n1,EUR,2026-01-31,x,y\n`;
    const looked = await load(text);
    expect(looked.value.counts).toMatchObject({ created: 1, invalid: 2 });
    const faults = looked.value.outcomes.filter(({ outcome }: Body) => outcome === "invalid");
    expect(
      faults.map(({ line, errors }: { line: number; errors: Body[] }) => [line, ...errors.map(({ field }) => field)]),
    ).toEqual([
      [4, "amount", "date"],
      [6, ""],
    ]);
    const { status, value } = await load(text, "?commit=1");
    expect([status, value.code]).toEqual([422, "invalid_input"]);
    expect(value.errors.map(({ field }: Body) => field)).toEqual(["4.amount", "4.date", "6"]);
    expect(await count()).toBe(0);
  });

  test("finds what a row refers to by id, or by name where it gives none", async () => {
    const food = await post("categories", { name: "=Food", kind: "expense" });
    for (const kind of ["expense", "income"]) await post("categories", { name: "Twice", kind });
    const head = "amount,currency,date,category_id,category_id.name";
    const row = (id: string, name: string) => `1,EUR,2026-01-31,${id},${name}`;
    const text = [
      head,
      row("", "'=Food"),
      row(food.id, "whatever"),
      row("", ""),
      row("", "Nope"),
      row("", "Twice"),
      row(crypto.randomUUID(), ""),
    ].join("\n");
    const { value } = await load(text);
    expect(value.outcomes.map(({ outcome }: Body) => outcome)).toEqual([
      ...["created", "created", "created"],
      ...["invalid", "invalid", "invalid"],
    ]);
    expect(value.outcomes[3].errors[0]).toMatchObject({
      field: "category_id.name",
      message: /no record with this name/,
    });
    expect(value.outcomes[4].errors[0]).toMatchObject({ field: "category_id.name", message: /Several/ });
    expect(value.outcomes[5].errors[0]).toMatchObject({ field: "category_id", code: "invalid_reference" });
    await load([head, row("", "'=Food")].join("\n"), "?commit=1");
    expect((await all())[0]).toMatchObject({ category_id: food.id });
  });

  test("reads flags and lists as people write them", async () => {
    await load("name,kind,archived\nA,expense,TRUE\nB,income,\n", "?commit=1", "categories");
    expect((await all("categories")).map(({ name, archived }) => [name, archived])).toEqual([
      ["A", true],
      ["B", false],
    ]);
    await load(`amount,currency,date,tags\n1,EUR,2026-01-31,"a, b"\n2,EUR,2026-01-31,"[""c,d""]"\n`, "?commit=1");
    expect((await all()).map(({ tags }) => tags)).toEqual([["a", "b"], ["c,d"]]);
  });

  test.each([
    ["nothing", "", 422],
    ["a column that is not there", "amount,curency\n1,EUR\n", 422],
    ["a column twice", "amount,amount\n1,1\n", 422],
    ["an open quote", `${COLUMNS}\n1,EUR,2026-01-31,"x\n`, 422],
    ["more rows than fit", `${COLUMNS}\n${"1,EUR,2026-01-31,x\n".repeat(5_001)}`, 422],
    ["over 1 MB", "x".repeat(1024 * 1024 + 1), 413],
  ])("is refused: %s", async (_, text, status) => {
    const answer = await load(text, "?commit=1");
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await count()).toBe(0);
  });

  test("is refused: another type, unknown parameters, an id twice, no id", async () => {
    expect((await send("POST", "expenses/import.csv", "amount\n1", "text/plain")).status).toBe(415);
    for (const query of ["?commit=yes", "?dry=1", "?on_conflict=overwrite"])
      expect((await load("amount\n1\n", query)).status).toBe(400);
    const id = crypto.randomUUID();
    const row = "1,EUR,2026-01-31";
    const { value } = await load(`id,amount,currency,date\n${id},${row}\n${id.toUpperCase()},${row}\nx,${row}\n`);
    expect(value.outcomes.map(({ outcome }: Body) => outcome)).toEqual(["created", "invalid", "invalid"]);
    expect((await app.request("/api/expenses/import.csv", { method: "POST", body: "x" })).status).toBe(401);
    expect((await send("GET", "expenses/import.csv")).headers.get("allow")).toBe("POST");
  });

  test("answers the first rows of many, those at fault among them", async () => {
    const good = "1,EUR,2026-01-31,x\n";
    const { value } = await load(`${COLUMNS}\n${good.repeat(600)}x,EUR,2026-01-31,x\n`);
    expect([value.rows, value.outcomes.length, value.outcomes.at(-1).line]).toEqual([601, 500, 602]);
  });
});
