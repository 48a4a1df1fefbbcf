/** The same application, from files that somebody has exported: what they are like is guessed, shown, and may be told. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import iconv from "iconv-lite";
import { BSON, type Document, ObjectId } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uuidOf } from "../../shared/imports/source-ids.ts";
import { legacyUser, MAP, mapWith, transaction, wallet } from "./legacy.ts";
import { hashed, type ImportingSystem, startImportingSystem } from "./system.ts";

const PASSWORD = "correct horse battery staple";
let system: ImportingSystem;
let folder: string;
let hash: string;
beforeAll(async () => {
  [system, folder] = await Promise.all([
    startImportingSystem("files"),
    mkdtemp(join(tmpdir(), "switchyard-import-test-")),
  ]);
  hash = await hashed(system, PASSWORD);
});
afterAll(async () => {
  await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

async function folderWith(files: Record<string, string | Buffer>): Promise<string> {
  const own = await mkdtemp(join(folder, "source-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text);
  return own;
}

test("files may begin with a mark of their encoding, the mapping among them", async () => {
  const from = await folderWith({
    "users.ndjson": `\ufeff${JSON.stringify({ _id: 5, email: "mark@files.test" })}`,
    "wallets.ndjson": "",
    "transactions.ndjson": "",
    "map.json": `\ufeff${await readFile(MAP, "utf8")}`,
  });
  const said = await system.runJson(`--from=${from}`, `--map=${join(from, "map.json")}`, "--dry-run");
  expect(said).toMatchObject({ fit: 1, unfit: 0 });
});

test("NDJSON as mongoexport writes it: ids, instants and decimals are what they were", async () => {
  const lines = (documents: Document[]) =>
    documents.map((each) => BSON.EJSON.stringify(each, { relaxed: false })).join("\n");
  const user = legacyUser("ndjson@files.test", hash);
  const bank = wallet(user._id, "Bank");
  const spent = transaction(user._id, bank._id);
  const from = await folderWith({
    "users.ndjson": lines([user]),
    "wallets.jsonl": `${lines([bank])}\n\n`,
    "transactions.ndjson": lines([spent]),
  });
  const said = await system.runJson(`--from=${from}`, `--map=${MAP}`);
  expect(said).toMatchObject({ imported: 1, failed: 0, verified: { is_verified: true, records: 3 } });
  const call = await system.signIn("ndjson@files.test", PASSWORD);
  expect((await call("GET", "/expenses")).body.items).toMatchObject([
    { id: uuidOf("", String(spent._id)), amount: "12.50", date: "2025-03-10", tags: ["food"] },
  ]);
});

describe("CSV of an office program", () => {
  const ID = String(new ObjectId());
  const users = () =>
    `_id;email;passwordHash;name;emailVerifiedAt\r\n${ID};csv@files.test;${hash};Zoë Müller;2025-01-02T03:04:05Z\r\n`;
  const wallets = `_id;userId;name;type\r\n7;${ID};Tagesgeld "Größe";bank\r\n`.replace(
    'Tagesgeld "Größe"',
    '"Tagesgeld ""Größe"""',
  );
  const transactions = [
    "_id;userId;walletId;type;amount;currency;date;note",
    `1;${ID};7;expense;1.234,50;EUR;14.03.2025;"Möbel; und ein\nTisch für 1.000 €"`,
    `2;${ID};7;expense;-12,5;EUR;01.04.2025;`,
    `3;${ID};7;income;3.000;EUR;31.12.2024;Gehalt`,
  ].join("\r\n");
  const map = () =>
    mapWith({
      change: (given) => {
        for (const entry of given.records)
          if (entry.from === "transactions") entry.fields.date = { ...entry.fields.date, format: "DD.MM.YYYY" };
      },
    });
  const encoded = (encoding: string) => ({
    "users.csv": iconv.encode(users(), encoding),
    "wallets.csv": iconv.encode(wallets, encoding),
    "transactions.csv": iconv.encode(transactions, encoding),
  });

  test("delimiter, decimal comma and encoding are guessed and shown", async () => {
    const from = await folderWith(encoded("windows-1252"));
    const { code, out } = await system.run(`--from=${from}`, `--map=${await map()}`, "--dry-run");
    expect(code).toBe(0);
    expect(out).toContain(`transactions.csv: windows-1252, fields parted by ";", decimals behind ","`);
    // it has no number, and the others' mark is its own, too
    expect(out).toContain(`users.csv: windows-1252, fields parted by ";", decimals behind ","`);
    expect(out).toContain("1 users would be imported, 0 would not.");
    expect(out).toContain("expenses: 2 (EUR 1222.00)");
    expect(out).toContain("incomes: 1 (EUR 3000.00)");
  });

  test.each(["utf-8", "utf-16le"])("in %s the same comes", async (encoding) => {
    const files = encoded(encoding);
    const marked = Object.fromEntries(
      Object.entries(files).map(([name, bytes]) => [
        name,
        encoding === "utf-16le" ? Buffer.concat([Buffer.from([0xff, 0xfe]), bytes]) : bytes,
      ]),
    );
    const from = await folderWith(marked);
    const said = await system.runJson(`--from=${from}`, `--map=${await map()}`, "--dry-run");
    expect(said).toMatchObject({ fit: 1, unfit: 0, totals: { expenses: { count: 2, sums: { EUR: "1222.00" } } } });
  });

  test("what was guessed can be told otherwise; and it comes, letter for letter", async () => {
    const from = await folderWith(encoded("windows-1252"));
    const wrong = await system.run(`--from=${from}`, `--map=${await map()}`, "--dry-run", "--encoding=utf-8");
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringMatching(/this is not utf-8: say --encoding/)]);
    const points = await system.runJson(`--from=${from}`, `--map=${await map()}`, "--dry-run", "--decimal=.");
    expect(points).toMatchObject({ fit: 0, unfit: 1 });
    const said = await system.runJson(`--from=${from}`, `--map=${await map()}`);
    expect(said).toMatchObject({ imported: 1, failed: 0, verified: { is_verified: true } });
    const call = await system.signIn("csv@files.test", PASSWORD);
    const { items } = (await call("GET", "/expenses?sort=date")).body;
    expect(items).toMatchObject([
      { amount: "1234.50", date: "2025-03-14", description: "Möbel; und ein\nTisch für 1.000 €", tags: [] },
      { amount: "-12.50", date: "2025-04-01", description: null },
    ]);
    expect(items[0].id).toBe(uuidOf("transactions", "1"));
    expect((await call("GET", "/categories?kind=expense")).body.items).toMatchObject([{ name: 'Tagesgeld "Größe"' }]);
    // the same files again are the same ids
    expect(await system.runJson(`--from=${from}`, `--map=${await map()}`)).toMatchObject({ imported: 0, before: 1 });
  });
});

describe("what is wrong with a source is said", () => {
  test.each([
    ["no JSON", { "users.ndjson": '{"_id": 1}\n{"_id": ' }, /users\.ndjson, line 2: this is no JSON/],
    ["no object", { "users.ndjson": "[1]" }, /users\.ndjson, line 1: this is no object/],
    ["two of one", { "users.ndjson": "", "users.csv": "" }, /are both of users/],
    ["no file", { "users.txt": "" }, /has no file that ends in/],
    ["no UTF-8", { "users.ndjson": Buffer.from('{"_id":1,"name":"Zo\xeb"}', "latin1") }, /line 1: this is not UTF-8/],
    [
      "two columns of one name",
      { "users.csv": "_id,email,email\n1,a@b.c,d@e.f\n" },
      /line 1: two headings say "email"/,
    ],
    ["a column within another", { "users.csv": "_id,a,a.b\n1,x,y\n" }, /line 1: two headings say "a"/],
    ["a row that is too short", { "users.csv": "_id,email,name\n1,a@b.c\n" }, /users\.csv/],
  ])("%s", async (_, files, message) => {
    const rest = "users.txt" in files ? {} : { "wallets.ndjson": "", "transactions.ndjson": "" };
    const from = await folderWith({ ...rest, ...(files as Record<string, string | Buffer>) });
    const { code, err } = await system.run(`--from=${from}`, `--map=${MAP}`, "--dry-run");
    expect([code, err]).toEqual([1, expect.stringMatching(message)]);
  });

  test.each([
    ["/no/such/folder", /There is no folder/],
    ["mongodb://127.0.0.1:1", /Name the database in the address/],
    ["mysql://host/db", /No source is read from mysql/],
  ])("%s", async (from, message) => {
    const { code, err } = await system.run(`--from=${from}`, `--map=${MAP}`, "--dry-run");
    expect([code, err]).toEqual([1, expect.stringMatching(message)]);
  });

  test("a collection that the mapping names, and the source has not", async () => {
    const from = await folderWith({ "users.ndjson": "", "wallets.ndjson": "" });
    const { code, err } = await system.run(`--from=${from}`, `--map=${MAP}`);
    expect([code, err]).toEqual([1, 'The source has no "transactions". It has users, wallets.']);
  });
});
