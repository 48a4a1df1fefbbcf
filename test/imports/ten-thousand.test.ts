/**
 * Ten thousand users of an application that lived on MongoDB alone, with their wallets and transactions, by the command as it is
 * called, in a process that may not have much memory: what it reads is gone again when it has been written.
 */
import { spawn } from "node:child_process";
import { type Document, ObjectId } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uuidOf } from "../../shared/imports/source-ids.ts";
import { partOf } from "../setup/effort.ts";
import { type Legacy, legacyUser, MAP, startLegacy, transaction, wallet } from "./legacy.ts";
import { hashed, type ImportingSystem, startImportingSystem } from "./system.ts";

const PASSWORD = "correct horse battery staple";
/** 10,000 by `npm run test:long`; the gate has time for some. */
const USERS = Number(process.env.SWITCHYARD_IMPORT_USERS ?? partOf(1_000, 500));
const MEGABYTES = 160;
/** records of each: two categories of a wallet, two expenses and an income */
const RECORDS = 5;
/** documents that are put there at once */
const PART = 2_000;

let system: ImportingSystem;
let legacy: Legacy;
const ids = Array.from({ length: USERS }, () => new ObjectId());

async function put(name: string, documents: Generator<Document>): Promise<void> {
  let part: Document[] = [];
  const write = async () => {
    if (part.length > 0) await legacy.db.collection(name).insertMany(part);
    part = [];
  };
  for (const document of documents) if (part.push(document) === PART) await write();
  await write();
}

beforeAll(async () => {
  [system, legacy] = await Promise.all([startImportingSystem("ten_thousand"), startLegacy("legacy_ten_thousand")]);
  const hash = await hashed(system, PASSWORD);
  const wallets = ids.map((userId) => wallet(userId, "Bank"));
  await put(
    "users",
    (function* () {
      for (const [number, _id] of ids.entries()) yield legacyUser(`u${number}@many.test`, hash, { _id });
    })(),
  );
  await put("wallets", wallets.values() as unknown as Generator<Document>);
  await put(
    "transactions",
    (function* () {
      for (const { _id, userId } of wallets) {
        yield transaction(userId, _id, { amount: 0.1 });
        yield transaction(userId, _id, { amount: 0.2 });
        yield transaction(userId, _id, { amount: 100, type: "income" });
      }
    })(),
  );
  // as an application that asks for a user's own has it
  for (const name of ["wallets", "transactions"]) await legacy.db.collection(name).createIndex({ userId: 1 });
});
afterAll(async () => {
  await legacy?.stop();
  await system?.stop();
});

async function command(...words: string[]): Promise<string> {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${MEGABYTES}`, "scripts/switchyard.ts", "import", ...words],
    {
      // a slow machine is no outage
      env: { PATH: process.env.PATH, ...system.env, REQUEST_DEADLINE_MS: "60000" } as NodeJS.ProcessEnv,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect([code, code === 0 ? "" : out]).toEqual([0, ""]);
  return out;
}

test("all of them come, and are what they were", async () => {
  const said = JSON.parse(await command(`--from=${legacy.uri}`, `--map=${MAP}`, "--json"));
  expect(said).toMatchObject({ imported: USERS, before: 0, failed: 0, findings: [] });
  expect(said.verified).toMatchObject({
    ...{ is_verified: true, users: USERS, records: USERS * RECORDS, changed: 0, wrong: 0 },
    found: {
      categories: { count: USERS * 2 },
      expenses: { count: USERS * 2, sums: { EUR: (USERS * 0.3).toFixed(2) } },
      incomes: { count: USERS, sums: { EUR: `${USERS * 100}.00` } },
    },
  });
  expect(said.verified.accounts).toBeGreaterThanOrEqual(100);
  const [counted] = await system.control.sql(
    `select (select count(*)::int from auth.users) as accounts,
       (select user_count::int from switchyard.databases where name = 'mongodb') as at_home`,
  );
  expect(counted).toEqual({ accounts: USERS, at_home: USERS });
  // a sample of them signs in
  for (const number of [0, Math.floor(USERS / 2), USERS - 1]) {
    const call = await system.signIn(`u${number}@many.test`, PASSWORD);
    const { items } = (await call("GET", "/expenses?sort=amount")).body;
    expect(items.map(({ amount }: { amount: string }) => amount)).toEqual(["0.10", "0.20"]);
    expect((await call("GET", "/categories")).body.items.map(({ id }: { id: string }) => id)).toHaveLength(2);
    expect(await system.recordsIn("mongodb", uuidOf("users", String(ids[number])))).toBe(RECORDS);
  }
});
