/** Movements that meet at the same accounts, on two connections at once, which PGlite has not. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT } from "../setup/patience.ts";
import { newUser } from "../setup/users.ts";
import { untilBlocked } from "./blocked.ts";

let supabase: OwnDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  sql = postgres(supabase.adminUrl, { max: 8, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end();
  await supabase?.stop();
});

const id = () => crypto.randomUUID();

const person = async () => (await newUser({ home: "supabase", on: supabase })).id;

/** Somebody's, with 100 in it, and an id behind those of all shards. */
async function lastAccount(asset: string): Promise<string> {
  const [first, user] = [await person(), await person()];
  // the shards of the asset are made with its first account
  await sql`select public.ledger_open_account(${first}, ${asset})`;
  await sql`insert into public.ledger_owners (user_id) values (${user})`;
  const account = `ffffffff-ffff-4fff-bfff-${id().slice(-12)}`;
  await sql`insert into public.ledger_accounts (id, owner_id, asset, kind)
    select ${account}, id, ${asset}, 'user' from public.ledger_owners where user_id = ${user}`;
  await sql`select public.ledger_deposit(null, ${id()}, ${account}, '100')`;
  return account;
}

/** A movement in a transaction whose draw of a shard is the same as everybody's who draws like this. */
const drawing = (call: (on: postgres.TransactionSql) => PromiseLike<unknown>) =>
  sql.begin(async (on) => {
    await on`select setseed(0.25)`;
    await call(on);
  });

test("a yield and the reversal of another do not wait for each other, whatever shard they draw", async () => {
  const account = await lastAccount("EUR");
  const first = id();
  await sql`select public.ledger_yield(null, ${first}, 'EUR', '1')`;
  let meeting: Promise<PromiseSettledResult<unknown>[]> | undefined;
  await sql.begin(async (holder) => {
    await holder`select from public.ledger_accounts where id = ${account} for update`;
    const shares = drawing((on) => on`select public.ledger_yield(null, ${id()}, 'EUR', '1')`);
    await untilBlocked(sql, holder);
    // and then for the shard, if that is what comes last; the reversal has it first
    const reverses = drawing((on) => on`select public.ledger_reverse(null, ${id()}, ${first})`);
    meeting = Promise.allSettled([shares, reverses]);
    await expect
      .poll(
        () => sql`select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%ledger_%'`,
        PATIENT,
      )
      .toHaveLength(2);
  });
  const refusals = (await meeting)?.map((ended) => (ended.status === "rejected" ? ended.reason.code : "none"));
  expect(refusals).toEqual(["none", "none"]);
  expect(await sql`select * from public.ledger_check()`).toEqual([]);
});

test("a yield is shared by those who were there when it began, whoever is paid in meanwhile", async () => {
  const account = await lastAccount("CHF");
  const late = await person();
  const shared = id();
  let sharing: Promise<unknown> | undefined;
  await sql.begin(async (holder) => {
    await holder`select from public.ledger_accounts where id = ${account} for update`;
    sharing = drawing((on) => on`select public.ledger_yield(null, ${shared}, 'CHF', '1')`);
    await untilBlocked(sql, holder);
    await sql`select public.ledger_deposit(null, ${id()},
      (public.ledger_open_account(${late}, 'CHF') -> 'account' ->> 'id')::uuid, '100')`;
  });
  await sharing;
  expect(
    await sql`select account_id from public.ledger_entries where transfer_id = ${shared} and amount > 0`,
  ).toMatchObject([{ account_id: account }]);
});
