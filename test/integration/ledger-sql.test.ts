/** The ledger's functions, called as the operator's and the API's calls arrive: what moves, what is refused, what is kept. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CURRENCIES } from "../../shared/values/currencies.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";

type Body = Record<string, unknown>;

let supabase: TestSupabase;
beforeAll(async () => {
  supabase = await startOwnDatabase();
});
afterAll(() => supabase?.stop());

async function call<T = Body>(name: string, parameters: Body): Promise<T> {
  const names = Object.keys(parameters);
  const given = names.map((key, at) => `${key} => $${at + 1}`).join(", ");
  const [row] = await supabase.sql<{ answer: T }>(
    `select public.${name}(${given}) as answer`,
    Object.values(parameters),
  );
  return row?.answer as T;
}
const refused = (code: string) => expect.objectContaining({ code });
const id = () => crypto.randomUUID();
const person = () => newUser({ home: "supabase", on: supabase });

async function opened(user: string, asset: string): Promise<string> {
  const { account } = await call<{ account: { id: string } }>("ledger_open_account", {
    p_user_id: user,
    p_asset: asset,
  });
  return account.id;
}
async function rich(asset = "EUR", amount = "100"): Promise<{ user: string; account: string }> {
  const { id: user } = await person();
  const account = await opened(user, asset);
  await call("ledger_deposit", { p_actor: null, p_id: id(), p_account: account, p_amount: amount });
  return { user, account };
}
const balance = ({ user, account }: { user: string; account: string }, asOf: string | null = null) =>
  call<Body>("ledger_read_account", { p_user_id: user, p_account: account, p_as_of: asOf });

test("assets are the currencies that the code knows, with their decimals, and two tokens", async () => {
  const rows = await supabase.sql<{ code: string; scale: number }>(
    "select code, scale from public.assets where kind = 'currency'",
  );
  const current = [...CURRENCIES].filter(([, { until }]) => until === undefined);
  expect(new Map(rows.map(({ code, scale }) => [code, scale]))).toEqual(
    new Map(current.map(([code, { decimals }]) => [code, decimals])),
  );
  expect(await supabase.sql("select code, scale from public.assets where kind = 'token' order by 1")).toEqual([
    { code: "ETH", scale: 18 },
    { code: "USDC", scale: 6 },
  ]);
});

describe("amounts", () => {
  test.each([
    ["JPY", "1000", "1000"],
    ["EUR", "12.5", "12.50"],
    ["KWD", "0.001", "0.001"],
    ["USDC", "0.000001", "0.000001"],
    ["ETH", "1.000000000000000001", "1.000000000000000001"],
  ])("of %s have its decimals", async (asset, given, shown) => {
    expect(await balance(await rich(asset, given))).toMatchObject({ posted: shown, available: shown, version: 1 });
  });

  test.each([
    ["JPY", "1.0"],
    ["EUR", "0.001"],
    ["EUR", "0"],
    ["EUR", "0.00"],
    ["EUR", "-1"],
    ["EUR", "1e2"],
    ["EUR", "NaN"],
    ["EUR", ""],
    ["ETH", "99999999999999999999999999999999999999"],
  ])("of %s are never %j", async (asset, amount) => {
    const account = await opened((await person()).id, asset);
    const deposit = call("ledger_deposit", { p_actor: null, p_id: id(), p_account: account, p_amount: amount });
    await expect(deposit).rejects.toEqual(refused("22023"));
  });
});

describe("a transfer", () => {
  test("moves, and its entries say the version and the balance after it", async () => {
    const [ann, bob] = [await rich(), await rich()];
    const transfer = { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_to: bob.account, p_amount: "30.01" };
    expect(await call("ledger_transfer", transfer)).toMatchObject({ status: "posted", amount: "30.01", asset: "EUR" });
    expect(await balance(ann)).toMatchObject({ posted: "69.99", pending: "0.00", available: "69.99" });
    expect(await balance(bob)).toMatchObject({ posted: "130.01" });
    const entries = await call<Body[]>("ledger_read_entries", { p_user_id: ann.user, p_account: ann.account });
    expect(entries).toMatchObject([
      { version: 2, amount: "-30.01", balance_after: "69.99", transfer_id: transfer.p_id },
      { version: 1, amount: "100.00", balance_after: "100.00" },
    ]);
  });

  test("made again answers the same and moves nothing; with another body it is refused", async () => {
    const [ann, bob] = [await rich(), await rich()];
    const transfer = { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_to: bob.account, p_amount: "100" };
    const first = await call("ledger_transfer", transfer);
    // all of it is gone: what was done is answered, not what could be done now
    expect(await call("ledger_transfer", transfer)).toEqual(first);
    expect(await balance(bob)).toMatchObject({ posted: "200.00", version: 2 });
    await expect(call("ledger_transfer", { ...transfer, p_amount: "99" })).rejects.toEqual(refused("SY409"));
    await expect(
      call("ledger_transfer", { ...transfer, p_user_id: bob.user, p_from: bob.account, p_to: ann.account }),
    ).rejects.toEqual(refused("SY409"));
  });

  test("is refused beyond what is available, from what is another's, to itself, and across assets", async () => {
    const [ann, bob, yen] = [await rich(), await rich(), await rich("JPY")];
    const from = (more: Body) =>
      call("ledger_transfer", {
        p_user_id: ann.user,
        p_id: id(),
        p_from: ann.account,
        p_to: bob.account,
        p_amount: "1",
        ...more,
      });
    await expect(from({ p_amount: "100.01" })).rejects.toEqual(refused("SY402"));
    await expect(from({ p_from: bob.account, p_to: ann.account })).rejects.toEqual(refused("PT404"));
    await expect(from({ p_to: ann.account })).rejects.toEqual(refused("22023"));
    await expect(from({ p_to: yen.account })).rejects.toEqual(refused("22023"));
    await expect(from({ p_to: id() })).rejects.toEqual(refused("22023"));
    expect(await balance(ann)).toMatchObject({ posted: "100.00", version: 1 });
  });
});

describe("a hold", () => {
  const holding = async (seconds = 600) => {
    const [ann, bob] = [await rich(), await rich()];
    const hold = {
      p_user_id: ann.user,
      p_id: id(),
      p_from: ann.account,
      p_to: bob.account,
      p_amount: "60",
      p_hold_seconds: seconds,
    };
    await call("ledger_transfer", hold);
    return { ann, bob, hold };
  };
  /** As if the time of a hold had come; the trigger that keeps transfers as they are is the owner's to lift. */
  const over = (transfer: string) =>
    supabase.sql(`do $$ begin
      alter table public.ledger_transfers disable trigger user;
      update public.ledger_transfers set expires_at = now() - interval '1 second' where id = '${transfer}';
      alter table public.ledger_transfers enable always trigger ledger_settle_once;
      alter table public.ledger_transfers enable always trigger ledger_final;
      alter table public.ledger_transfers enable always trigger ledger_remember;
    end $$`);

  test("takes from what is available, and moves when it is posted, once", async () => {
    const { ann, bob, hold } = await holding();
    expect(await balance(ann)).toMatchObject({ posted: "100.00", pending: "60.00", available: "40.00" });
    await expect(call("ledger_transfer", { ...hold, p_id: id(), p_amount: "41" })).rejects.toEqual(refused("SY402"));
    const posted = await call("ledger_post", { p_actor: null, p_id: hold.p_id });
    expect(posted).toMatchObject({ status: "posted" });
    expect(await call("ledger_post", { p_actor: null, p_id: hold.p_id })).toEqual(posted);
    expect(await balance(ann)).toMatchObject({ posted: "40.00", pending: "0.00", available: "40.00" });
    expect(await balance(bob)).toMatchObject({ posted: "160.00" });
    await expect(call("ledger_void", { p_actor: ann.user, p_id: hold.p_id })).rejects.toEqual(refused("SY424"));
  });

  test("is voided by who made it, and by nobody else but the operator", async () => {
    const { ann, bob, hold } = await holding();
    await expect(call("ledger_void", { p_actor: bob.user, p_id: hold.p_id })).rejects.toEqual(refused("PT404"));
    expect(await call("ledger_void", { p_actor: ann.user, p_id: hold.p_id })).toMatchObject({ status: "voided" });
    expect(await call("ledger_void", { p_actor: ann.user, p_id: hold.p_id })).toMatchObject({ status: "voided" });
    expect(await balance(ann)).toMatchObject({ posted: "100.00", available: "100.00" });
    await expect(call("ledger_post", { p_actor: null, p_id: hold.p_id })).rejects.toEqual(refused("SY424"));
  });

  test("that is over counts no more, before anybody has voided it, and is voided by who meets it", async () => {
    const { ann, hold } = await holding();
    await over(hold.p_id);
    expect(await balance(ann)).toMatchObject({ pending: "0.00", available: "100.00" });
    await expect(call("ledger_post", { p_actor: null, p_id: hold.p_id })).rejects.toEqual(refused("SY424"));
    await call("ledger_withdraw", { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_amount: "100" });
    expect(await call("ledger_read_transfer", { p_user_id: ann.user, p_id: hold.p_id })).toMatchObject({
      status: "voided",
    });
  });

  test("that is over is voided by the tick", async () => {
    const { ann, hold } = await holding();
    await over(hold.p_id);
    expect(await call<number>("ledger_expire", {})).toBe(1);
    expect(await call<number>("ledger_expire", {})).toBe(0);
    expect(await call("ledger_read_transfer", { p_user_id: ann.user, p_id: hold.p_id })).toMatchObject({
      status: "voided",
    });
  });
});

describe("a reversal", () => {
  test("is the opposite, linked, once", async () => {
    const [ann, bob] = [await rich(), await rich()];
    const transfer = { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_to: bob.account, p_amount: "10" };
    await call("ledger_transfer", transfer);
    const reverse = { p_actor: null, p_id: id(), p_transfer: transfer.p_id };
    const reversed = await call("ledger_reverse", reverse);
    expect(reversed).toMatchObject({
      kind: "reversal",
      reverses: transfer.p_id,
      from_account: bob.account,
      amount: "10.00",
    });
    expect(await call("ledger_reverse", reverse)).toEqual(reversed);
    await expect(call("ledger_reverse", { ...reverse, p_id: id() })).rejects.toEqual(refused("SY424"));
    await expect(call("ledger_reverse", { p_actor: null, p_id: id(), p_transfer: reverse.p_id })).rejects.toEqual(
      refused("SY424"),
    );
    expect(await balance(ann)).toMatchObject({ posted: "100.00", version: 3 });
  });

  test("is refused when the money has gone on", async () => {
    const ann = await rich();
    const deposit = { p_actor: null, p_id: id(), p_account: ann.account, p_amount: "5" };
    await call("ledger_deposit", deposit);
    await call("ledger_withdraw", { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_amount: "101" });
    const reverse = call("ledger_reverse", { p_actor: null, p_id: id(), p_transfer: deposit.p_id });
    await expect(reverse).rejects.toEqual(refused("SY402"));
  });
});

test("an exchange goes through liquidity at the rate that is set, rounded down, and can be reversed", async () => {
  const { user, account } = await rich("USD", "10.00");
  const yen = await opened(user, "JPY");
  const exchange = { p_user_id: user, p_id: id(), p_from: account, p_to: yen, p_amount: "9.99" };
  await expect(call("ledger_exchange", exchange)).rejects.toEqual(refused("22023"));
  await call("ledger_set_rate", { p_actor: null, p_asset: "USD", p_to_asset: "JPY", p_rate: "151.25" });
  await expect(call("ledger_exchange", { ...exchange, p_least: "1511" })).rejects.toEqual(refused("22023"));
  expect(await call("ledger_exchange", { ...exchange, p_least: "1510" })).toMatchObject({
    to_asset: "JPY",
    to_amount: "1510",
  });
  expect(await balance({ user, account: yen })).toMatchObject({ posted: "1510" });
  const reversed = await call("ledger_reverse", { p_actor: null, p_id: id(), p_transfer: exchange.p_id });
  expect(reversed).toMatchObject({ asset: "JPY", amount: "1510", to_asset: "USD", to_amount: "9.99" });
  expect(await balance({ user, account })).toMatchObject({ posted: "10.00" });
});

test("a yield goes to all who hold the asset, in proportion, rounded down", async () => {
  const [ann, bob] = [await rich("CHF", "100"), await rich("CHF", "200")];
  expect(await call("ledger_yield", { p_actor: null, p_id: id(), p_asset: "CHF", p_amount: "1.00" })).toMatchObject({
    amount: "0.99",
  });
  expect(await balance(ann)).toMatchObject({ posted: "100.33" });
  expect(await balance(bob)).toMatchObject({ posted: "200.66" });
});

test("chain data is kept, and a transaction of a chain booked once", async () => {
  const { account } = await rich("ETH", "1");
  const chain = {
    network: "sepolia",
    tx_hash: `0x${id()}`,
    block_number: 7,
    gas: "21000",
    raw_amount: "2000000000000000000",
  };
  const deposit = () =>
    call("ledger_deposit", {
      p_actor: null,
      p_id: id(),
      p_account: account,
      p_amount: "2",
      p_chain: JSON.stringify(chain),
    });
  expect(await deposit()).toMatchObject({ ...chain, block_number: "7" });
  await expect(deposit()).rejects.toEqual(refused("SY426"));
});

test("a balance as of an instant is what it was then", async () => {
  const ann = await rich();
  const [row] = await supabase.sql<{ at: string }>("select clock_timestamp()::text as at");
  await call("ledger_withdraw", { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_amount: "25" });
  expect(await balance(ann, row?.at)).toMatchObject({ posted: "100.00", version: 1 });
  expect(await balance(ann)).toMatchObject({ posted: "75.00" });
  expect(await balance(ann, "2020-01-01T00:00:00Z")).toBeNull();
});

test("an account closes when it is empty, and takes nothing then", async () => {
  const ann = await rich();
  const close = () => call("ledger_close_account", { p_user_id: ann.user, p_account: ann.account });
  await expect(close()).rejects.toEqual(refused("SY425"));
  await call("ledger_withdraw", { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_amount: "100" });
  await close();
  const deposit = call("ledger_deposit", { p_actor: null, p_id: id(), p_account: ann.account, p_amount: "1" });
  await expect(deposit).rejects.toEqual(refused("SY423"));
  expect(await opened(ann.user, "EUR")).not.toBe(ann.account);
});

describe("a user who is deleted", () => {
  test("stays while there is money, however it is tried", async () => {
    const { user } = await rich();
    await expect(supabase.sql("delete from auth.users where id = $1", [user])).rejects.toEqual(refused("SY425"));
    const soft = supabase.sql("update auth.users set deleted_at = now() where id = $1", [user]);
    await expect(soft).rejects.toEqual(refused("SY425"));
    await expect(call("ledger_may_leave", { p_user_id: user })).rejects.toEqual(refused("SY425"));
  });

  test.each(["delete from auth.users where id = $1", "update auth.users set deleted_at = now() where id = $1"])(
    "leaves a pseudonym that leads to nobody: %s",
    async (statement) => {
      const ann = await rich();
      await call("private_profile_set_wallet", { p_user_id: ann.user, p_wallet_address: "0xabc" });
      await call("ledger_withdraw", { p_user_id: ann.user, p_id: id(), p_from: ann.account, p_amount: "100" });
      await supabase.sql(statement, [ann.user]);
      const everything = await supabase.sql<{ row: string }>(
        `select to_jsonb(x)::text as row from public.ledger_owners x union all select to_jsonb(x)::text from public.ledger_accounts x
         union all select to_jsonb(x)::text from public.ledger_transfers x union all select to_jsonb(x)::text from public.ledger_history x
         union all select to_jsonb(x)::text from public.private_profiles x`,
      );
      expect(everything.filter(({ row }) => row.includes(ann.account)).length).toBeGreaterThan(3);
      expect(everything.filter(({ row }) => row.includes(ann.user))).toEqual([]);
    },
  );
});

describe("the check", () => {
  test("finds nothing after all of that", async () =>
    expect(await supabase.sql("select * from public.ledger_check()")).toEqual([]));

  test("nor does who lives in another time zone than those who wrote", async () => {
    const elsewhere = supabase.sql(`do $$ declare found text; begin
      set local timezone = 'Asia/Tokyo';
      select string_agg(invariant, '; ') into found from public.ledger_check();
      raise exception 'found: %', coalesce(found, 'nothing');
    end $$`);
    await expect(elsewhere).rejects.toThrow("found: nothing");
  });

  test.each([
    ["a balance is the sum of its entries", "update public.ledger_accounts set posted = posted + 1 where id = $1"],
    ["what is held is the sum of the holds", "update public.ledger_accounts set held = held + 1 where id = $1"],
    ["an entry has the asset of its account", "update public.ledger_accounts set asset = 'USD' where id = $1"],
    [
      "entries of a transfer sum to zero in each asset",
      "update public.ledger_entries set amount = amount + 1 where account_id = $1",
    ],
    ["versions have no gap", "update public.ledger_entries set version = 7 where account_id = $1"],
    [
      "the balance after an entry is the one before it and its amount",
      "update public.ledger_entries set balance_after = 0 where account_id = $1",
    ],
    [
      "a posted transfer has its entries, and no other has any",
      "delete from public.ledger_entries where account_id = $1 or transfer_id in (select transfer_id from public.ledger_entries where account_id = $1)",
    ],
    ["a transfer moves its amount", "update public.ledger_transfers set amount = amount + 1 where to_account = $1"],
    [
      "the history has every state of a transfer",
      "update public.ledger_transfers set description = 'x' where to_account = $1",
    ],
    [
      "the history has every account's opening and closing",
      "delete from public.ledger_history where subject_id = $1::uuid::text",
    ],
    [
      "the history names nothing that is not there",
      "update public.ledger_history set subject_id = 'x' where after ->> 'to_account' = $1::uuid::text",
    ],
  ])("names who breaks: %s", async (invariant, statement) => {
    const { account } = await rich();
    const undo = "undone";
    const broken =
      supabase.sql(`do $$ declare found text; all_of_them text[]; part jsonb; by_parts text[] := '{}'; begin
      alter table public.ledger_accounts disable trigger user; alter table public.ledger_entries disable trigger user;
      alter table public.ledger_transfers disable trigger user; alter table public.ledger_history disable trigger user;
      ${statement.replaceAll("$1", `'${account}'`)};
      select string_agg(invariant || ' <' || offender || '>', '; ') into found from public.ledger_check();
      select array_agg(to_jsonb(c)::text order by to_jsonb(c)::text) into all_of_them from public.ledger_check(10000) c;
      loop
        part := public.ledger_check_part(nullif(part -> 'next', 'null'), 97);
        by_parts := by_parts || array(select jsonb_array_elements(part -> 'found')::text);
        exit when part -> 'next' = 'null';
      end loop;
      raise exception '${undo}, % by parts: %', all_of_them = array(select unnest(by_parts) order by 1), found;
    end $$`);
    await expect(broken).rejects.toThrow(invariant);
    await expect(broken).rejects.toThrow(`${undo}, t by parts`);
    expect(await supabase.sql("select * from public.ledger_check()")).toEqual([]);
  });
});
