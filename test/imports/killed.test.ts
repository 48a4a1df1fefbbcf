/**
 * Whoever imports is killed at every step that outlives a process, and begun again: what is there in the end is what an undisturbed
 * run makes. The same of whoever takes back: in the end there is nothing.
 */
import { fork } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { uuidOf } from "../../shared/imports/source-ids.ts";
import type { ToldToDie } from "./import-process.ts";
import { type Legacy, legacyUser, MAP, startLegacy, transaction, wallet } from "./legacy.ts";
import { hashed, type ImportingSystem, startImportingSystem } from "./system.ts";
import { type Told, work } from "./work.ts";

const PROGRAM = fileURLToPath(new URL("import-process.ts", import.meta.url));
const PASSWORD = "correct horse battery staple";
const USERS = 9;
interface Whole {
  run: number;
  ran: { imported: number; before: number };
  verification: unknown;
}

let system: ImportingSystem;
let legacy: Legacy;
let users: Document[];
let told: Pick<Told, "from" | "map">;

const aMinuteLater = () => system.control.sql("update switchyard.imports set leased_until = now()");

/** In this process, to the end. */
async function finish<T>(home: string, undo?: number): Promise<T> {
  const said = await work(system.env, { ...told, home, ...(undo !== undefined && { undo }) }, () => {});
  await aMinuteLater();
  return said as T;
}

/** In a process of its own, that dies. */
async function dying(home: string, dies: ToldToDie["dies"], undo?: number): Promise<void> {
  const given: ToldToDie = { ...told, home, dies, ...(undo !== undefined && { undo }) };
  const child = fork(PROGRAM, [JSON.stringify(given)], {
    env: { PATH: process.env.PATH, ...system.env } as NodeJS.ProcessEnv,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const how = await new Promise((resolve) => child.on("exit", (...given) => resolve(given)));
  expect(how).toEqual([null, "SIGKILL"]);
  await aMinuteLater();
}

/** Everything that a run makes, but for versions, which are clocks. */
async function everything(home: string): Promise<unknown> {
  const accounts = await system.control.sql(
    `select u.id, u.email, u.encrypted_password, u.email_confirmed_at is not null as confirmed, u.raw_user_meta_data as metadata,
       a.database_provider as home, a.epoch, a.state
     from auth.users u left join public.user_database_assignments a on a.user_id = u.id order by u.id`,
  );
  const copy = await system.copy(home);
  const records: unknown[] = [];
  for (const { _id } of users)
    for (const collection of homeCollections) {
      const userId = uuidOf("users", String(_id));
      const entries = await copy.manifest(userId, collection, null, 10_000);
      const { rows, tombstones } = await copy.read(
        userId,
        collection,
        entries.map(({ id }) => id),
      );
      const plain = rows.map(({ record: { version: _, ...record } }) => record);
      plain.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
      if (entries.length > 0) records.push([userId, collection.name, plain, tombstones]);
    }
  return { accounts, records };
}
const journal = (run: number) =>
  system.control.sql(
    "select user_id, state, records, reason from switchyard.import_users where run_id = $1::bigint order by user_id",
    [run],
  );
const counts = () =>
  system.control.sql(
    "select name, user_count::int as counted, unconfirmed_count::int as unconfirmed from switchyard.databases order by name",
  );
const lastRun = async () =>
  (await system.control.sql<{ id: number }>("select max(id)::int as id from switchyard.imports"))[0]?.id ?? 0;

beforeAll(async () => {
  [system, legacy] = await Promise.all([startImportingSystem("killed_import"), startLegacy("legacy_killed")]);
  const hash = await hashed(system, PASSWORD);
  users = Array.from({ length: USERS }, (_, number) =>
    legacyUser(`u${number}@killed.test`, hash, number % 3 === 0 ? { emailVerifiedAt: null } : {}),
  );
  // one who does not fit
  users.push(legacyUser("misfit@killed.test", hash));
  const wallets = users.map(({ _id }) => wallet(_id, "Bank"));
  const transactions = wallets.flatMap(({ _id, userId }) => [
    transaction(userId, _id),
    transaction(userId, _id, { type: "income", amount: 100 }),
  ]);
  transactions.push(transaction(users.at(-1)?._id, null, { amount: "a lot" }));
  await legacy.db.collection("users").insertMany(users);
  await legacy.db.collection("wallets").insertMany(wallets);
  await legacy.db.collection("transactions").insertMany(transactions);
  told = { from: legacy.uri, map: await readFile(MAP, "utf8") };
});
afterAll(async () => {
  await legacy?.stop();
  await system?.stop();
});

type Step = [step: string, time: number];
interface Deaths {
  home: string;
  run: Step[];
  takenBack: Step[];
  undo: Step[];
}
/** Every step that outlives a process, of each sort the first and a later one. */
const EVERY: Omit<Deaths, "home"> = {
  run: [
    ["begun", 1],
    ["claimed", 1],
    ["claimed", 2],
    ["brought", 1],
    ["brought", 3],
    ["brought", 5],
    ["created", 1],
    ["created", 6],
    ["settled", 1],
    ["settled", 3],
    ["verified", 1],
    ["ended", 1],
  ],
  takenBack: [
    ["brought", 2],
    ["created", 3],
  ],
  undo: [
    ["marked", 1],
    ["removed", 5],
    ["cleared", 2],
    ["settled", 1],
    ["ended", 1],
  ],
};
/** What differs in Postgres is how records are put there and taken away. */
const SOME: Omit<Deaths, "home"> = { run: [["brought", 5]], takenBack: [["brought", 2]], undo: [["cleared", 2]] };
/** `npm run test:long` goes through all of it for both homes; the gate has time for one. */
const DEATHS: Deaths[] = [
  { home: "mongodb", ...EVERY },
  { home: "supabase", ...(process.env.SWITCHYARD_IMPORT_DEATHS === "every" ? EVERY : SOME) },
];

describe.each(DEATHS)("to $home", ({ home, run: deaths, takenBack, undo: ofUndo }) => {
  let undisturbed: unknown;
  let settled: unknown;
  let empty: unknown;
  let before: unknown;

  const undo = async (run: number) => {
    expect(await finish(home, run)).toMatchObject({ kept: [], isAll: true });
    expect(await everything(home)).toEqual(empty);
    expect(await counts()).toEqual(before);
  };

  beforeAll(async () => {
    [empty, before] = [await everything(home), await counts()];
    const said = await finish<{ ran: unknown }>(home);
    expect(said.ran).toEqual({ imported: USERS, before: 0, failed: 1, isAll: true });
    [undisturbed, settled] = [await everything(home), await journal(await lastRun())];
    await undo(await lastRun());
  });

  test.each(deaths)(
    "killed when it has %s, the %ith time: begun again, it makes what an undisturbed run makes",
    async (step, time) => {
      await dying(home, { step, time });
      const run = await lastRun();
      const said = await finish<Whole>(home);
      expect(said.run).toBe(run);
      expect(said.ran.imported + said.ran.before).toBe(USERS);
      expect(said.verification).toMatchObject({ users: USERS, wrong: 0, changed: 0, isAll: true });
      expect(await everything(home)).toEqual(undisturbed);
      expect(await journal(run)).toEqual(settled);
      await undo(run);
    },
  );

  test("killed, and killed again when what was left is cleared away: the third makes what an undisturbed run makes", async () => {
    await dying(home, { step: "brought", time: 2 });
    await dying(home, { step: "cleared", time: 1 });
    await finish(home);
    expect(await everything(home)).toEqual(undisturbed);
    await undo(await lastRun());
  });

  test.each(takenBack)("killed when it has %s, the %ith time, and taken back: there is nothing", async (step, time) => {
    await dying(home, { step, time });
    await undo(await lastRun());
  });

  test.each(ofUndo)(
    "whoever takes back is killed when it has %s, the %ith time: the next one leaves nothing",
    async (step, time) => {
      await finish(home);
      const run = await lastRun();
      await dying(home, { step, time }, run);
      if (step !== "ended") await undo(run);
      expect(await everything(home)).toEqual(empty);
      expect(await counts()).toEqual(before);
    },
  );
});

test.each(DEATHS.filter(({ undo }) => undo === EVERY.undo))(
  "$home: whoever takes back is killed when some records of a user who stays are gone: the next one leaves what they have made",
  async ({ home }) => {
    await finish(home);
    const run = await lastRun();
    const [, second] = users;
    const userId = uuidOf("users", String(second?._id));
    const call = await system.signIn(String(second?.email), PASSWORD, true);
    const made = await call("POST", "/expenses", { amount: "1", currency: "EUR", date: "2026-01-01" });
    expect(made.status).toBe(201);
    await dying(home, { step: "withdrawn", time: 2 }, run);
    expect(await finish(home, run)).toMatchObject({ kept: [{ user_id: userId }], isAll: true });
    expect((await call("GET", "/expenses")).body.items).toMatchObject([{ id: made.body.id }]);
    for (const path of ["/incomes", "/categories"]) expect((await call("GET", path)).body.items).toEqual([]);
    const [left] = await system.control.sql("select count(*)::int as n from auth.users");
    expect(left).toEqual({ n: 1 });
    await system.service.auth.admin.deleteUser(userId);
  },
);
