/** An application that lived on MongoDB alone comes here, and goes again: by the command, on the databases of the run. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Decimal128, type Document, type MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mongoSource } from "../../scripts/import/mongo-source.ts";
import { homeCollections } from "../../shared/collections/index.ts";
import { dryRun } from "../../shared/imports/dry-run.ts";
import { createJournal } from "../../shared/imports/journal.ts";
import { readMapping } from "../../shared/imports/mapping.ts";
import { objectIdOf, uuidOf } from "../../shared/imports/source-ids.ts";
import { type Legacy, legacyUser, MAP, mapWith, startLegacy, transaction, wallet } from "./legacy.ts";
import { hashed, type ImportingSystem, startImportingSystem } from "./system.ts";

const PASSWORD = "correct horse battery staple";
let system: ImportingSystem;
let legacy: Legacy;
let ann: Document;
let bob: Document;
let cleo: Document;
let bank: Document;
let spent: Document;
let earned: Document;
/** as it was before anybody imported it */
let before: string;
let run: number;

const idOf = ({ _id }: Document, part = 0) => uuidOf("", String(_id), part);
const command = (...words: string[]) => system.runJson(`--from=${legacy.uri}`, `--map=${MAP}`, ...words);

beforeAll(async () => {
  [system, legacy] = await Promise.all([startImportingSystem("import"), startLegacy("legacy")]);
  const hash = await hashed(system, PASSWORD);
  ann = legacyUser("Ann@Legacy.test", hash, { googleId: "1" });
  bob = legacyUser("bob@legacy.test", hash, { emailVerifiedAt: null });
  // nobody knows that algorithm here
  cleo = legacyUser("cleo@legacy.test", "pbkdf2$1$x$y");
  bank = wallet(ann._id, "Bank");
  const cash = wallet(bob._id, "Cash", { type: "cash" });
  spent = transaction(ann._id, bank._id);
  earned = transaction(ann._id, bank._id, { type: "income", amount: Decimal128.fromString("1999.90"), note: "salary" });
  await legacy.db.collection("users").insertMany([ann, bob, cleo]);
  await legacy.db.collection("wallets").insertMany([bank, cash]);
  await legacy.db
    .collection("transactions")
    .insertMany([spent, earned, transaction(bob._id, cash._id, { amount: 7, labels: [] })]);
  before = await legacy.everything();
});
afterAll(async () => {
  await legacy?.stop();
  await system?.stop();
});

const usersHere = async () =>
  (await system.control.sql<{ n: number }>("select count(*)::int as n from auth.users"))[0]?.n;

describe("from one end to the other", () => {
  test("a dry run says what would come, and changes nothing", async () => {
    const said = await command("--dry-run");
    expect(said).toMatchObject({ fit: 3, unfit: 0, is_all: true });
    expect(said.findings).toMatchObject([
      { isNote: true, field: "passwordHash", count: 1, examples: [{ id: String(cleo._id) }] },
    ]);
    expect(said.totals).toEqual({
      categories: { count: 4, sums: {} },
      expenses: { count: 2, sums: { EUR: "19.50" } },
      incomes: { count: 1, sums: { EUR: "1999.90" } },
    });
    expect(await usersHere()).toBe(0);
    expect(await system.runJson("status")).toEqual([]);
    expect(await system.recordsIn("mongodb", idOf(ann))).toBe(0);
  });

  test("a run brings everybody with everything, and says that it is what the source has", async () => {
    const said = await command();
    run = said.run;
    expect(said).toMatchObject({ imported: 3, before: 0, failed: 0 });
    expect(said.verified).toMatchObject({ is_verified: true, users: 3, accounts: 3, records: 7, changed: 0, wrong: 0 });
    expect(said.verified.found.expenses).toEqual({ count: 2, sums: { EUR: "19.50" } });
    expect(await system.runJson("status")).toMatchObject([
      { id: run, state: "done", users: { done: 3 }, elsewhere: 0, home: "mongodb" },
    ]);
  });

  test("its users are at home where the run said, and confirmed is who was", async () => {
    expect(
      await system.control.sql(
        `select u.id, u.email, u.email_confirmed_at is not null as confirmed, u.raw_user_meta_data ->> 'name' as name,
           a.database_provider as home
         from auth.users u join public.user_database_assignments a on a.user_id = u.id order by u.email`,
      ),
    ).toEqual([
      { id: idOf(ann), email: "ann@legacy.test", confirmed: true, name: "Ann", home: "mongodb" },
      { id: idOf(bob), email: "bob@legacy.test", confirmed: false, name: "bob", home: "mongodb" },
      { id: idOf(cleo), email: "cleo@legacy.test", confirmed: true, name: "cleo", home: "mongodb" },
    ]);
    // who has not confirmed is not forgotten after a week: there are records
    const [counted] = await system.control.sql(
      `select user_count::int as users, unconfirmed_count::int as unconfirmed,
         (select count(*)::int from switchyard.unconfirmed_users) as to_be_forgotten
       from switchyard.databases where name = 'mongodb'`,
    );
    expect(counted).toEqual({ users: 3, unconfirmed: 0, to_be_forgotten: 0 });
  });

  test("the old password still signs in, and shows the records: ids that lead back, exact money, days of the zone", async () => {
    const call = await system.signIn("ann@legacy.test", PASSWORD);
    const { status, body, asked } = await call("GET", "/expenses");
    expect([status, asked.at(-1)]).toEqual([200, "mongodb"]);
    expect(body.items).toHaveLength(1);
    const [expense] = body.items;
    expect(expense).toMatchObject({
      ...{ id: idOf(spent), amount: "12.50", currency: "EUR", date: "2025-03-10", description: "groceries" },
      ...{ tags: ["food"], category_id: idOf(bank, 0), created_at: "2025-03-09T23:31:00.000Z" },
    });
    expect(objectIdOf(expense.id)).toEqual({ objectId: String(spent._id), part: 0 });
    expect(objectIdOf(expense.category_id)).toEqual({ objectId: String(bank._id), part: 0 });
    const incomes = (await call("GET", "/incomes")).body.items;
    expect(incomes).toMatchObject([{ id: idOf(earned), amount: "1999.90", category_id: idOf(bank, 1) }]);
    const categories = (await call("GET", "/categories?sort=kind")).body.items;
    expect(categories).toMatchObject([
      { id: idOf(bank, 0), name: "Bank", kind: "expense", icon: "landmark" },
      { id: idOf(bank, 1), name: "Bank", kind: "income", icon: "landmark" },
    ]);
    // and they are records like any other
    expect((await call("GET", "/expenses?q=grocer")).body.items).toHaveLength(1);
    const changed = await call("PATCH", `/expenses/${expense.id}`, { amount: "13" });
    expect([changed.status, changed.body.amount]).toEqual([200, "13.00"]);
    expect((await call("DELETE", `/categories/${idOf(bank, 0)}`)).status).toBe(409);
    expect((await call("PATCH", `/expenses/${expense.id}`, { amount: "12.5" })).status).toBe(200);
  });

  test("the same command again is the same run: it brings nothing twice, and leaves alone what users have changed", async () => {
    const said = await command();
    expect(said).toMatchObject({ run, imported: 0, before: 3, failed: 0, verified: { is_verified: true, changed: 1 } });
    expect(await usersHere()).toBe(3);
    expect(await system.runJson("status")).toHaveLength(1);
  });

  test("by another mapping it is another run, which takes in nobody who is of the first", async () => {
    const said = await system.runJson(`--from=${legacy.uri}`, `--map=${await mapWith({ zone: "UTC" })}`);
    expect(said.run).not.toBe(run);
    expect(said).toMatchObject({ imported: 0, failed: 3 });
    expect(said.findings).toMatchObject([
      { from: "users", reason: expect.stringContaining("another run"), count: 3 },
      { isNote: true },
    ]);
    expect(await usersHere()).toBe(3);
    await system.runJson("undo", String(said.run));
    expect(await usersHere()).toBe(3);
  });

  test("taken back, who has used the account stays with it, and of the others there is nothing", async () => {
    const said = await system.runJson("undo", String(run));
    expect(said).toMatchObject({
      ...{ run, undone: 2, is_all: true },
      kept: [{ user_id: idOf(ann), reason: "has signed in since, has changed or added records since" }],
    });
    expect(await usersHere()).toBe(1);
    expect(await system.recordsIn("mongodb", idOf(bob))).toBe(0);
    const call = await system.signIn("ann@legacy.test", PASSWORD);
    // what she changed, and what that refers to
    expect((await call("GET", "/expenses")).body.items).toMatchObject([{ id: idOf(spent) }]);
    expect((await call("GET", "/categories")).body.items).toMatchObject([{ id: idOf(bank, 0) }]);
    expect((await call("GET", "/incomes")).body.items).toEqual([]);
  });

  test("who was taken back comes again with a new run, and is let in", async () => {
    const said = await command();
    expect(said.run).not.toBe(run);
    expect(said).toMatchObject({ imported: 2, failed: 1, verified: { is_verified: true, users: 2, records: 3 } });
    await system.control.sql(`update auth.users set email_confirmed_at = now() where email = 'bob@legacy.test'`);
    // others refuse for half a minute whoever was deleted
    const call = await system.signIn("bob@legacy.test", PASSWORD, true);
    expect((await call("GET", "/expenses")).body.items).toMatchObject([{ amount: "7.00", tags: [] }]);
    // what was to take away what he had left when he was taken back
    const tasks = await system.control.sql(
      "select from switchyard.tasks where queue = 'purge' and subject = $1::uuid and done_at is null",
      [idOf(bob)],
    );
    expect(tasks).toEqual([]);
  });

  test("nothing is sent to the source but what reads", async () => {
    const sent = new Set<string>();
    const listen = (client: MongoClient) =>
      void client.on("commandStarted", ({ commandName, command: said }) =>
        sent.add(`${commandName} ${JSON.stringify(said).match(/\$(out|merge)\b/)?.[0] ?? ""}`.trim()),
      );
    const source = mongoSource(legacy.uri, { onClient: listen });
    const journal = createJournal(system.service, randomUUID());
    const mapping = readMapping(await readFile(MAP, "utf8"), homeCollections)._unsafeUnwrap();
    expect(await source.names()).toEqual(["transactions", "users", "wallets"]);
    const read: number[] = [];
    const common = { source, mapping, journal, find: () => {}, batchSize: 1, isOver: () => false };
    (await dryRun({ ...common, onRead: (count) => read.push(count) }))._unsafeUnwrap();
    await source.close();
    expect(read.at(-1)).toBe(3);
    expect([...sent].filter((name) => name !== "endSessions").sort()).toEqual(["aggregate", "find", "listCollections"]);
  });

  test("nothing has changed in what it came from", async () => {
    expect(await legacy.everything()).toBe(before);
  });
});
