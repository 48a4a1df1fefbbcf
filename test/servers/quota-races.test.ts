/** Writers of one user meet at the row of switchyard.user_usage: on two connections at once, which PGlite has not. */
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { tableCollections } from "../../shared/collections/index.ts";
import { DEFAULT_QUOTA } from "../../shared/repository/quotas.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser } from "../setup/users.ts";
import { untilBlocked } from "./blocked.ts";

// of its own, because the quotas are the database's, and a deadlock of another test file is not this one's
let supabase: OwnDatabase;
let sql: postgres.Sql;
let owner: string;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  sql = postgres(supabase.adminUrl, { max: 8, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end();
  await supabase?.stop();
});
beforeEach(async () => {
  owner = (await newUser({ home: "supabase", on: supabase })).id;
  await sql`select public.switchyard_set_quotas(${DEFAULT_QUOTA.records}, ${DEFAULT_QUOTA.bytes})`;
});

const LONG = "n".repeat(1_000);
const contact = (id: string = crypto.randomUUID()) => ({ user_id: owner, id, name: "Mina" });
const insert = (on: postgres.ISql, row = contact()) => on`insert into public.contacts ${on(row)}`;
const lengthen = (on: postgres.ISql, id: string) => on`update public.contacts set note = ${LONG} where id = ${id}`;
const create = (collection: string, row: object) =>
  sql`select public.records_create(${collection}, ${JSON.stringify(row)}, '["id"]') as answer`;

/** What is counted, and the same counted anew. */
async function counts() {
  const tables = tableCollections.map(
    ({ name, scope }) =>
      `select octet_length(t::text) / 64 + 1 as steps from public.${name} t where ${scope.field} = '${owner}'`,
  );
  const anew = `select count(*)::int as records, (coalesce(sum(steps), 0) * 64)::int as bytes from (${tables.join(" union all ")}) t`;
  const kept = await sql`select records::int, bytes::int from switchyard.user_usage where user_id = ${owner}`;
  return { counted: kept[0] ?? { records: 0, bytes: 0 }, there: (await sql.unsafe(anew))[0] };
}

async function expectTrueCounts(): Promise<void> {
  const { counted, there } = await counts();
  expect(counted).toEqual(there);
}

/** Does `first`, and commits (or throws `undo`) only when `second` waits for it. */
async function meeting<T>(
  first: (on: postgres.TransactionSql) => PromiseLike<unknown>,
  second: () => PromiseLike<T>,
  undo?: Error,
): Promise<PromiseSettledResult<T>> {
  let waiting: Promise<[PromiseSettledResult<T>]> | undefined;
  const holding = sql.begin(async (holder) => {
    await first(holder);
    waiting = Promise.allSettled([Promise.resolve(second())]);
    await untilBlocked(sql, holder);
    if (undo) throw undo;
  });
  if (undo) await expect(holding).rejects.toBe(undo);
  else await holding;
  const [answer] = await (waiting as Promise<[PromiseSettledResult<T>]>);
  return answer;
}

test("two who write at once are both counted, also where they are the user's first", async () => {
  expect(await meeting(insert, () => insert(sql))).toMatchObject({ status: "fulfilled" });
  expect((await counts()).counted).toMatchObject({ records: 2 });
  await expectTrueCounts();
});

test("what is rolled back is not counted for the one who waited", async () => {
  const answer = await meeting(insert, () => insert(sql), new Error("changed my mind"));
  expect(answer).toMatchObject({ status: "fulfilled" });
  expect((await counts()).counted).toMatchObject({ records: 1 });
  await expectTrueCounts();
});

test("the last place goes to one of two", async () => {
  await sql`select public.switchyard_set_quotas(1, null)`;
  const answer = await meeting(insert, () => create("contacts", contact()));
  expect(answer).toMatchObject({ value: [{ answer: { error: "SY507" } }] });
  expect((await counts()).counted).toMatchObject({ records: 1 });
  await expectTrueCounts();
});

test("a place that is made free meanwhile is free", async () => {
  const row = contact();
  await insert(sql, row);
  await sql`select public.switchyard_set_quotas(1, null)`;
  const answer = await meeting(
    (on) => on`delete from public.contacts where id = ${row.id}`,
    () => create("contacts", contact()),
  );
  expect(answer).toMatchObject({ value: [{ answer: { record: {} } }] });
  await expectTrueCounts();
});

test("a user who deletes the last record while another is made", async () => {
  const row = contact();
  await insert(sql, row);
  const remove = (on: postgres.ISql) => on`delete from public.contacts where id = ${row.id}`;
  expect(await meeting(remove, () => insert(sql))).toMatchObject({ status: "fulfilled" });
  expect((await counts()).counted).toMatchObject({ records: 1 });
  await expectTrueCounts();
});

test("transactions of several statements that want each other's rows: one is undone as a whole, and holds when repeated", async () => {
  const [a, b] = [contact(), contact()];
  await insert(sql, a);
  await insert(sql, b);
  // has the count by its insert, then wants the other's record
  const counter = async (on: postgres.TransactionSql, meet: () => Promise<void>) => {
    await insert(on);
    await meet();
    await lengthen(on, a.id);
  };
  // has the record, then wants the count
  const holder = async (on: postgres.TransactionSql, meet: () => Promise<void>) => {
    await on`select from public.contacts where id = ${a.id} for update`;
    await meet();
    await lengthen(on, b.id);
  };
  const [meetA, meetB] = meetingPoints();
  const work = [() => sql.begin((on) => counter(on, meetA)), () => sql.begin((on) => holder(on, meetB))];
  const answers = await Promise.allSettled(work.map((each) => each()));
  const failed = answers.findIndex(({ status }) => status === "rejected");
  expect(answers.filter(({ status }) => status === "rejected")).toMatchObject([{ reason: { code: "40P01" } }]);
  await expectTrueCounts();

  await sql.begin((on) => (failed === 0 ? counter : holder)(on, async () => undefined));
  expect((await counts()).counted).toMatchObject({ records: 3 });
  await expectTrueCounts();
});

/** Of two: each goes on when both are there. */
function meetingPoints(): [() => Promise<void>, () => Promise<void>] {
  const [a, b] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const both = Promise.all([a.promise, b.promise]).then(() => undefined);
  const come = (own: PromiseWithResolvers<void>) => () => {
    own.resolve();
    return both;
  };
  return [come(a), come(b)];
}

test("calls of one statement each never wait for each other in a circle", async () => {
  const category = { user_id: owner, id: crypto.randomUUID(), name: "Food", kind: "expense" };
  const expense = (id: string = crypto.randomUUID()) =>
    ({ user_id: owner, id, amount: "1", currency: "EUR", date: "2026-03-14", category_id: category.id }) as const;
  await create("categories", category);
  const shared = [expense(), expense(), expense()] as const;
  for (const row of shared) await create("expenses", row);

  // plain SQL, which says 40P01 where the functions would try again
  const work = (at: number): (() => PromiseLike<unknown>)[] => {
    const mine = expense();
    const bulk = Array.from({ length: 10 }, () => expense());
    const note = "n".repeat((at + 1) * 30);
    return [
      () => sql`insert into public.expenses ${sql(mine)}`,
      () => sql`update public.categories set name = ${`Food${note}`.slice(0, 80)} where id = ${category.id}`,
      () => sql`update public.expenses set description = ${note} where id = ${shared[at % 3]?.id ?? ""}`,
      () => sql`insert into public.expenses ${sql(bulk)}`,
      () => sql`update public.expenses set description = ${note} where id = ${mine.id}`,
      () => sql`delete from public.expenses where id = any (${bulk.map(({ id }) => id)})`,
      // in use, so both are refused
      () => sql`update public.categories set kind = 'income' where id = ${category.id}`.catch(unless("23001")),
      () => sql`delete from public.categories where id = ${category.id}`.catch(unless("23503")),
      () => sql`delete from public.expenses where id = ${mine.id}`,
    ];
  };
  await Promise.all(
    Array.from({ length: 8 }, async (_, at) => {
      for (let round = 0; round < 5; round++) for (const each of work(at + round)) await each();
    }),
  );
  expect((await counts()).counted).toMatchObject({ records: 1 + shared.length });
  await expectTrueCounts();
});

const unless = (code: string) => (error: { code?: string }) => {
  if (error.code !== code) throw error;
};
