/** Statements that happen together or not at all, over a direct connection. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { executeTransaction } from "../../shared/postgres/direct/transaction.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";

let database: OwnDatabase;
beforeAll(async () => {
  database = await startOwnDatabase();
  await database.sql("create table public.counters (name text primary key, value bigint not null)");
  await database.sql("insert into public.counters values ('a', 0), ('b', 0)");
  await database.sql("grant all on public.counters to postgres");
});
afterAll(() => database?.stop());

const config = () => ({ DATABASE_URL: database.ownerUrl });
const values = async () =>
  (await database.sql<{ value: string }>("select value::text from public.counters order by name")).map(
    ({ value }) => value,
  );
const add = "update public.counters set value = value + 1 where name = $1 returning value";

test("returns what the callback does, once it is there", async () => {
  expect(await executeTransaction(config(), async (ask) => (await ask(add, ["a"]))[0]?.value)).toBe("1");
  expect(await values()).toEqual(["1", "0"]);
});

test("undoes everything when the callback throws, or a statement fails", async () => {
  const own = new Error("changed my mind");
  const changed = executeTransaction(config(), async (ask) => {
    await ask(add, ["a"]);
    throw own;
  });
  await expect(changed).rejects.toBe(own);
  const failed = executeTransaction(config(), async (ask) => {
    await ask(add, ["a"]);
    await ask("select 1 / 0");
  });
  await expect(failed).rejects.toMatchObject({ code: "22012" });
  expect(await values()).toEqual(["1", "0"]);
});

test("is made again when Postgres undoes it for another's sake", async () => {
  let calls = 0;
  const met: (() => void)[] = [];
  // both have their first row before either asks for the other's
  const both = new Promise<void>((resolve) => met.push(resolve));
  let waiting = 0;
  const crossing = (first: string, second: string) =>
    executeTransaction(config(), async (ask) => {
      calls++;
      await ask(add, [first]);
      if (++waiting === 2) met[0]?.();
      await both;
      await ask(add, [second]);
    });
  await Promise.all([crossing("a", "b"), crossing("b", "a")]);
  expect(calls).toBe(3);
  expect(await values()).toEqual(["3", "2"]);
});

test("says what to set where there is no direct connection", async () => {
  await expect(executeTransaction({}, async () => 1)).rejects.toMatchObject({
    code: "misconfigured",
    message: expect.stringContaining("DATABASE_URL"),
  });
});
