/** The ledger through the API, by users and by an admin: every answer is held against the document. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";

type Body = Record<string, unknown>;

let supabase: TestSupabase;
let api: ApiInstance;
let admin: Caller;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  api = await startApi({ on: supabase, mongoUri: mongoUriFor(`ledger_${crypto.randomUUID().slice(0, 8)}`) });
  admin = await newCaller({ role: "admin" });
});
afterAll(async () => {
  await api?.close();
  await supabase?.stop();
});

async function newCaller(appMetadata: Body = {}) {
  const user = await newUser({ home: "supabase", on: supabase, appMetadata });
  const call = async (method: string, path: string, body?: unknown, more: Record<string, string> = {}) => {
    const response = await api.app.request(path, {
      method,
      headers: { authorization: `Bearer ${user.jwt}`, "content-type": "application/json", ...more },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    await api.judge(method.toLowerCase(), path, response);
    const text = await response.text();
    return { status: response.status, headers: response.headers, value: text ? JSON.parse(text) : undefined };
  };
  return { id: user.id, call };
}
type Caller = Awaited<ReturnType<typeof newCaller>>;

/** With an account that holds so much. */
async function rich(amount = "100", asset = "EUR") {
  const caller = await newCaller();
  const opened = await caller.call("POST", "/api/ledger/accounts", { asset });
  expect(opened.status).toBe(201);
  const account = opened.value.id as string;
  const made = await admin.call("POST", "/api/admin/ledger/deposits", { account, amount });
  expect(made.status).toBe(201);
  return { ...caller, account };
}
const pay = (from: { account: string }, to: { account: string }, amount: string, more: Body = {}) => ({
  kind: "transfer",
  from_account: from.account,
  to_account: to.account,
  amount,
  ...more,
});
const TRANSFERS = "/api/ledger/transfers";

test("assets are listed for whoever is signed in", async () => {
  const { status, value } = await (await newCaller()).call("GET", "/api/assets");
  expect(status).toBe(200);
  expect(value.items).toEqual(expect.arrayContaining([{ code: "JPY", scale: 0, kind: "currency" }]));
  expect((await api.app.request("/api/assets")).status).toBe(401);
});

test("an account is opened once in an asset, shown, and closed when it is empty", async () => {
  const ann = await rich();
  const again = await ann.call("POST", "/api/ledger/accounts", { asset: "EUR" });
  expect([again.status, again.value.id]).toEqual([200, ann.account]);
  const path = `/api/ledger/accounts/${ann.account}`;
  expect((await ann.call("GET", "/api/ledger/accounts")).value.items).toEqual([again.value]);
  expect((await ann.call("DELETE", path)).value.code).toBe("balance_open");
  const out = { kind: "withdrawal", from_account: ann.account, amount: "100" };
  expect((await ann.call("POST", TRANSFERS, out)).status).toBe(201);
  expect((await ann.call("DELETE", path)).status).toBe(204);
  expect((await ann.call("GET", path)).value).toMatchObject({ status: "closed", posted: "0.00" });
  const early = await ann.call("GET", `${path}?as_of=${encodeURIComponent(again.value.opened_at)}`);
  expect(early.value).toMatchObject({ status: "open", version: 0 });
  expect((await ann.call("GET", `${path}?as_of=never`)).status).toBe(400);
  // valid instants that Postgres would not take; before it was opened there was no such account
  for (const [odd, status] of [
    ["1062-12-01T22:51:01.9+16:04", 404],
    ["0000-01-01T00:00:00Z", 404],
    ["9999-12-31T23:00:00-23:00", 200],
  ] as const)
    expect((await ann.call("GET", `${path}?as_of=${encodeURIComponent(odd)}`)).status).toBe(status);
  expect((await ann.call("POST", "/api/ledger/accounts", { asset: "NONE" })).status).toBe(422);
});

test("a transfer moves once under its key, and both see it", async () => {
  const [ann, bob] = [await rich(), await rich()];
  const key = { "idempotency-key": crypto.randomUUID() };
  const first = await ann.call("POST", TRANSFERS, pay(ann, bob, "12.5", { description: "lunch" }), key);
  expect([first.status, first.value.amount]).toEqual([201, "12.50"]);
  expect(first.headers.get("location")).toBe(`${TRANSFERS}/${first.value.id}`);
  const again = await ann.call("POST", TRANSFERS, pay(ann, bob, "12.5", { description: "lunch" }), key);
  expect(again.value).toEqual(first.value);
  const other = await ann.call("POST", TRANSFERS, pay(ann, bob, "13"), key);
  expect([other.status, other.value.code]).toEqual([409, "idempotency_mismatch"]);
  for (const { call } of [ann, bob])
    expect((await call("GET", `${TRANSFERS}/${first.value.id}`)).value).toEqual(first.value);
  const page = await bob.call("GET", `/api/ledger/accounts/${bob.account}/entries?limit=1`);
  expect(page.value.items).toMatchObject([{ amount: "12.50", balance_after: "112.50", description: "lunch" }]);
  const rest = await bob.call(
    "GET",
    `/api/ledger/accounts/${bob.account}/entries?limit=1&cursor=${page.value.next_cursor}`,
  );
  expect(rest.value).toMatchObject({ items: [{ kind: "deposit", version: 1 }], next_cursor: null });
});

test("the list of transfers goes on where it was, whatever is made meanwhile", async () => {
  const [ann, bob] = [await rich(), await rich()];
  const made: string[] = [];
  for (let n = 0; n < 5; n++) made.push((await ann.call("POST", TRANSFERS, pay(ann, bob, "1"))).value.id);
  const seen: string[] = [];
  let cursor = "";
  do {
    const { status, value } = await ann.call("GET", `${TRANSFERS}?limit=2${cursor && `&cursor=${cursor}`}`);
    expect(status).toBe(200);
    seen.push(...value.items.map(({ id }: Body) => id));
    cursor = value.next_cursor ?? "";
    await ann.call("POST", TRANSFERS, pay(ann, bob, "0.01"));
  } while (cursor);
  expect(seen.filter((id) => made.includes(id))).toEqual(made.reverse());
  expect(seen.length).toBe(6);
  expect((await ann.call("GET", `${TRANSFERS}?cursor=x`)).value.code).toBe("invalid_cursor");
  expect((await ann.call("GET", `${TRANSFERS}?other=x`)).status).toBe(400);
});

test("a hold is posted by the operator, or voided by who made it", async () => {
  const [ann, bob] = [await rich(), await rich()];
  const hold = async () => (await ann.call("POST", TRANSFERS, pay(ann, bob, "60", { pending: true }))).value;
  const first = await hold();
  expect(first).toMatchObject({ status: "pending", settled_at: null, expires_at: expect.any(String) });
  expect((await ann.call("GET", `/api/ledger/accounts/${ann.account}`)).value).toMatchObject({
    posted: "100.00",
    pending: "60.00",
    available: "40.00",
  });
  expect((await ann.call("POST", TRANSFERS, pay(ann, bob, "41"))).value.code).toBe("insufficient_funds");
  expect((await bob.call("POST", `${TRANSFERS}/${first.id}/void`)).status).toBe(404);
  expect((await ann.call("POST", `${TRANSFERS}/${first.id}/void`)).value.status).toBe("voided");
  const second = await hold();
  const posted = await admin.call("POST", `/api/admin/ledger/transfers/${second.id}/post`);
  expect([posted.status, posted.value.status]).toEqual([200, "posted"]);
  expect((await ann.call("POST", `${TRANSFERS}/${second.id}/void`)).value.code).toBe("transfer_settled");
  const reversed = await admin.call("POST", `/api/admin/ledger/transfers/${second.id}/reverse`);
  expect([reversed.status, reversed.value.reverses]).toEqual([201, second.id]);
  const twice = await admin.call("POST", `/api/admin/ledger/transfers/${second.id}/reverse`);
  expect([twice.status, twice.value.code]).toEqual([409, "transfer_settled"]);
});

test("an exchange takes the rate that the operator has set, and a yield is shared", async () => {
  const ann = await rich("10", "GBP");
  const yen = (await ann.call("POST", "/api/ledger/accounts", { asset: "JPY" })).value.id;
  const exchange = { kind: "exchange", from_account: ann.account, to_account: yen, amount: "1.00" };
  expect((await ann.call("POST", TRANSFERS, exchange)).status).toBe(422);
  const rate = { asset: "GBP", to_asset: "JPY", rate: "199.9" };
  expect((await admin.call("PUT", "/api/admin/ledger/rates", rate)).status).toBe(204);
  expect((await ann.call("POST", TRANSFERS, { ...exchange, least: "200" })).status).toBe(422);
  expect((await ann.call("POST", TRANSFERS, exchange)).value).toMatchObject({ to_asset: "JPY", to_amount: "199" });
  const shared = await admin.call("POST", "/api/admin/ledger/yields", { asset: "GBP", amount: "0.09" });
  expect([shared.status, shared.value.amount]).toEqual([201, "0.09"]);
});

describe("nobody reaches what is another's", () => {
  test("their accounts, entries and transfers are not there, and not to be moved", async () => {
    const [ann, bob, eve] = [await rich(), await rich(), await rich()];
    const { value: transfer } = await ann.call("POST", TRANSFERS, pay(ann, bob, "1", { pending: true }));
    const account = `/api/ledger/accounts/${ann.account}`;
    for (const [method, path] of [
      ["GET", account],
      ["DELETE", account],
      ["GET", `${account}/entries`],
      ["GET", `${TRANSFERS}/${transfer.id}`],
      ["POST", `${TRANSFERS}/${transfer.id}/void`],
    ] as const)
      expect([method, path, (await eve.call(method, path)).status]).toEqual([method, path, 404]);
    expect((await eve.call("POST", TRANSFERS, pay(ann, eve, "1"))).status).toBe(404);
    expect((await eve.call("GET", TRANSFERS)).value.items).toHaveLength(1);
  });

  test("what is the operator's is refused to users", async () => {
    const ann = await rich();
    for (const [method, path, body] of [
      ["POST", "/api/admin/ledger/deposits", { account: ann.account, amount: "1" }],
      ["POST", "/api/admin/ledger/yields", { asset: "EUR", amount: "1" }],
      ["PUT", "/api/admin/ledger/rates", { asset: "EUR", to_asset: "JPY", rate: "1" }],
      ["POST", `/api/admin/ledger/transfers/${crypto.randomUUID()}/post`, undefined],
      ["POST", `/api/admin/ledger/transfers/${crypto.randomUUID()}/void`, undefined],
      ["POST", `/api/admin/ledger/transfers/${crypto.randomUUID()}/reverse`, undefined],
      ["GET", `/api/admin/private-profiles/${ann.id}`, undefined],
      ["PUT", `/api/admin/private-profiles/${ann.id}`, { kyc_status: "verified" }],
    ] as const)
      expect([path, (await ann.call(method, path, body)).status]).toEqual([path, 403]);
  });

  test("who is identified, and by which wallet, only they and the operator know", async () => {
    const [ann, eve] = [await newCaller(), await newCaller()];
    const own = "/api/private-profile";
    expect((await ann.call("GET", own)).value).toMatchObject({ kyc_status: "none", wallet_address: null });
    expect((await ann.call("PATCH", own, { wallet_address: "0xAbC" })).value).toMatchObject({
      wallet_address: "0xAbC",
    });
    expect((await ann.call("PATCH", own, { kyc_status: "verified" })).status).toBe(422);
    const path = `/api/admin/private-profiles/${ann.id}`;
    const decided = await admin.call("PUT", path, { kyc_status: "verified" }, { "x-request-id": "decided-by-admin" });
    expect(decided.status).toBe(200);
    expect(
      await supabase.sql(
        `select o.user_id as by, h.before ->> 'kyc_status' as before, h.after ->> 'kyc_status' as after
         from public.ledger_history h join public.ledger_owners o on o.id = h.actor where h.request_id = $1`,
        [decided.headers.get("x-request-id")],
      ),
    ).toEqual([{ by: admin.id, before: "none", after: "verified" }]);
    expect((await admin.call("GET", path)).value).toMatchObject({ kyc_status: "verified", wallet_address: "0xAbC" });
    expect((await ann.call("GET", own)).value).toMatchObject({ kyc_status: "verified" });
    expect((await eve.call("GET", own)).value).toMatchObject({ kyc_status: "none", user_id: eve.id });
    expect((await ann.call("PATCH", own, { wallet_address: null })).value).toMatchObject({ wallet_address: null });
  });
});

test("an account with money is not deleted; emptied, it is", async () => {
  const ann = await rich();
  const kept = await ann.call("DELETE", "/api/me");
  expect([kept.status, kept.value.code]).toEqual([409, "balance_open"]);
  const out = { kind: "withdrawal", from_account: ann.account, amount: "100" };
  const held = (await ann.call("POST", TRANSFERS, { ...out, hold_seconds: 600 })).value;
  expect((await ann.call("DELETE", "/api/me")).value.code).toBe("balance_open");
  await admin.call("POST", `/api/admin/ledger/transfers/${held.id}/post`);
  expect((await ann.call("DELETE", "/api/me")).status).toBe(204);
  expect(await supabase.sql("select * from public.ledger_check()")).toEqual([]);
});

test("the export of an account has its part of the ledger, its private profile and where it has been", async () => {
  const [ann, bo] = [await rich(), await rich()];
  expect((await ann.call("POST", "/api/ledger/transfers", pay(ann, bo, "12.50"))).status).toBe(201);
  expect(
    (await bo.call("POST", "/api/ledger/transfers", { kind: "withdrawal", from_account: bo.account, amount: "1" }))
      .status,
  ).toBe(201);
  expect((await ann.call("PATCH", "/api/private-profile", { wallet_address: "0xann" })).status).toBe(200);
  const { status, value } = await ann.call("GET", "/api/me/export");
  expect(status).toBe(200);
  const { items: accounts } = (await ann.call("GET", "/api/ledger/accounts")).value;
  const { items: entries } = (await ann.call("GET", `/api/ledger/accounts/${ann.account}/entries`)).value;
  const { items: transfers } = (await ann.call("GET", "/api/ledger/transfers")).value;
  expect(transfers).toHaveLength(2);
  const own = entries.map((entry: Body) => ({ account_id: ann.account, ...entry }));
  expect(value.ledger).toEqual({ accounts, entries: own, transfers });
  expect(value.private_profile).toMatchObject({ kyc_status: "none", wallet_address: "0xann" });
  expect(value.homes).toMatchObject([{ database: "supabase", epoch: 1, event: "assigned" }]);
  expect([value.moves, value.complete]).toEqual([[], true]);
});
