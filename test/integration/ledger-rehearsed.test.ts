/** What admins change of money and of who is identified: asked for first, which changes nothing, and with a reason in the audit. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

type Body = Record<string, unknown>;

let supabase: TestSupabase;
let api: ApiInstance;
let admin: TestUser;
let ann: TestUser;
let bob: TestUser;
/** accounts in pounds, which nobody else holds */
let hers: string;
let his: string;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  api = await startApi({ on: supabase, mongoUri: mongoUriFor(`rehearsed_${crypto.randomUUID().slice(0, 8)}`) });
  admin = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "admin" } });
  ann = await newUser({ home: "supabase", on: supabase });
  bob = await newUser({ home: "supabase", on: supabase });
  hers = (await ask(ann, "POST", "/api/ledger/accounts", { asset: "GBP" })).value.id;
  his = (await ask(bob, "POST", "/api/ledger/accounts", { asset: "GBP" })).value.id;
  for (const account of [hers, his]) await ask(admin, "POST", "/api/admin/ledger/deposits", { account, amount: "100" });
});
afterAll(async () => {
  await api?.close();
  await supabase?.stop();
});

async function ask({ jwt }: TestUser, method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
  const response = await api.app.request(path, {
    method,
    headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json", ...more },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await api.judge(method.toLowerCase(), path, response);
  const text = await response.text();
  return { status: response.status, value: text ? JSON.parse(text) : undefined };
}

const TABLES = [
  ...["ledger_accounts", "ledger_owners", "ledger_transfers", "ledger_entries", "ledger_rates", "ledger_history"],
  "private_profiles",
].map((table) => `public.${table}`);
/** All that a change of money or of a profile could leave, and the audit. */
const everything = async () =>
  Promise.all(
    [...TABLES, "switchyard.admin_audit"].map(
      async (table) =>
        (await supabase.sql(`select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`)) as Body[],
    ),
  );
const audited = async () =>
  await supabase.sql<{ action: string; reason: string | null; status: number }>(
    `select a.action, a.reason, o.status from switchyard.admin_audit a
     join switchyard.admin_audit_outcomes o on o.audit_id = a.id order by a.id desc limit 1`,
  );

const hold = async () =>
  (
    await ask(ann, "POST", "/api/ledger/transfers", {
      ...{ kind: "transfer", from_account: hers, to_account: his, amount: "5", pending: true },
    })
  ).value.id as string;

interface Change {
  name: string;
  method: string;
  path: () => Promise<string>;
  body?: () => Body;
  /** what the rehearsal says */
  rehearsed: unknown;
  status: number;
  /** what of the rehearsal the change answers, too */
  same: (rehearsed: Body) => unknown;
}
const transferOf = ({ transfer }: Body) => withoutTimes(transfer as Body);
const withoutTimes = ({ id: _, made_at: _m, settled_at: _s, updated_at: _u, ...same }: Body) => same;

const CHANGES: readonly Change[] = [
  {
    ...{ name: "a deposit", method: "POST", status: 201, same: transferOf },
    path: async () => "/api/admin/ledger/deposits",
    body: () => ({ account: hers, amount: "12.5", description: "by post" }),
    rehearsed: { count: 1, transfer: expect.objectContaining({ kind: "deposit", amount: "12.50" }) },
  },
  {
    ...{ name: "a yield", method: "POST", status: 201, same: transferOf },
    path: async () => "/api/admin/ledger/yields",
    body: () => ({ asset: "GBP", amount: "1" }),
    rehearsed: { count: 2, transfer: expect.objectContaining({ kind: "yield" }) },
  },
  {
    ...{ name: "a rate", method: "PUT", status: 204, same: () => undefined },
    path: async () => "/api/admin/ledger/rates",
    body: () => ({ asset: "GBP", to_asset: "EUR", rate: "1.15" }),
    rehearsed: { count: 1, rate: "1.15", before: null },
  },
  {
    ...{ name: "posting a hold", method: "POST", status: 200, same: withoutTimes },
    path: async () => `/api/admin/ledger/transfers/${await hold()}/post`,
    rehearsed: expect.objectContaining({ status: "posted", amount: "5.00" }),
  },
  {
    ...{ name: "voiding a hold", method: "POST", status: 200, same: withoutTimes },
    path: async () => `/api/admin/ledger/transfers/${await hold()}/void`,
    rehearsed: expect.objectContaining({ status: "voided" }),
  },
  {
    ...{ name: "a reversal", method: "POST", status: 201, same: transferOf },
    path: async () => {
      const id = await hold();
      await ask(admin, "POST", `/api/admin/ledger/transfers/${id}/post`);
      return `/api/admin/ledger/transfers/${id}/reverse`;
    },
    rehearsed: { count: 2, transfer: expect.objectContaining({ kind: "reversal", amount: "5.00" }) },
  },
  {
    ...{ name: "who is identified", method: "PUT", status: 200, same: withoutTimes },
    path: async () => `/api/admin/private-profiles/${ann.id}`,
    body: () => ({ kyc_status: "verified" }),
    rehearsed: expect.objectContaining({ kyc_status: "verified" }),
  },
];

describe.each(CHANGES)("$name", ({ method, path, body, rehearsed, status, same }) => {
  let at: string;
  beforeEach(async () => {
    at = await path();
  });

  test("is asked for first: it is said what it would be, and nothing is changed or written down", async () => {
    const before = await everything();
    const first = await ask(admin, method, `${at}?dry_run=true`, body?.());
    expect([first.status, first.value]).toEqual([200, rehearsed]);
    expect(await everything()).toEqual(before);
    // as often as one likes
    expect((await ask(admin, method, `${at}?dry_run=true`, body?.())).status).toBe(200);
    expect(await everything()).toEqual(before);
    const made = await ask(admin, method, `${at}?dry_run=false`, body?.());
    expect(made.status).toBe(status);
    if (made.value) expect(withoutTimes(made.value)).toEqual(same(first.value));
    expect(await everything()).not.toEqual(before);
  });

  test("has its reason in the audit, and says in the document where it stands", async () => {
    const reason = "für die Prüfung";
    const done = await ask(admin, method, at, body?.(), { "x-reason": encodeURIComponent(reason) });
    expect(done.status).toBe(status);
    const [line] = await audited();
    expect([line?.reason, line?.status]).toEqual([reason, status]);
    const operation = api.operations.find((each) => `${each.method} ${each.path}` === line?.action);
    const declared = operation?.parameters.map(({ name, in: place }) => `${place} ${name}`);
    expect(declared).toEqual(expect.arrayContaining(["header x-reason", "query dry_run"]));
  });

  test("is no user's to ask for either, nor a viewer's", async () => {
    const viewer = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "viewer" } });
    for (const by of [ann, viewer]) expect((await ask(by, method, `${at}?dry_run=true`, body?.())).status).toBe(403);
  });
});

describe("a rehearsal", () => {
  test("is refused as the change would be, and in the same words", async () => {
    const id = await hold();
    await ask(admin, "POST", `/api/admin/ledger/transfers/${id}/void`);
    const deposits = "/api/admin/ledger/deposits";
    for (const [method, path, body] of [
      ["POST", deposits, { account: hers, amount: "1.234" }],
      ["POST", deposits, { account: crypto.randomUUID(), amount: "1" }],
      ["POST", "/api/admin/ledger/yields", { asset: "JPY", amount: "1" }],
      ["PUT", "/api/admin/ledger/rates", { asset: "GBP", to_asset: "GBP", rate: "1" }],
      ["POST", `/api/admin/ledger/transfers/${id}/post`, undefined],
      ["POST", `/api/admin/ledger/transfers/${crypto.randomUUID()}/void`, undefined],
      ["POST", `/api/admin/ledger/transfers/${id}/reverse`, undefined],
      ["PUT", `/api/admin/private-profiles/${crypto.randomUUID()}`, { kyc_status: "none" }],
    ] as const) {
      const [rehearsed, made] = [
        await ask(admin, method, `${path}?dry_run=true`, body),
        await ask(admin, method, path, body),
      ];
      const said = ({ status, value }: typeof made) => [path, status, value.code, value.detail];
      expect(made.status).toBeGreaterThanOrEqual(400);
      expect(said(rehearsed)).toEqual(said(made));
    }
  });

  test("of what was done already says that it would change nothing", async () => {
    const key = { "idempotency-key": crypto.randomUUID() };
    const deposit = { account: hers, amount: "3" };
    const path = "/api/admin/ledger/deposits";
    const made = await ask(admin, "POST", path, deposit, key);
    const again = await ask(admin, "POST", `${path}?dry_run=true`, deposit, key);
    expect(again.value).toEqual({ count: 0, transfer: made.value });
    const other = await ask(admin, "POST", `${path}?dry_run=true`, { ...deposit, amount: "4" }, key);
    expect([other.status, other.value.code]).toEqual([409, "idempotency_mismatch"]);
    const rate = { asset: "EUR", to_asset: "GBP", rate: "0.870" };
    await ask(admin, "PUT", "/api/admin/ledger/rates", rate);
    expect((await ask(admin, "PUT", "/api/admin/ledger/rates?dry_run=true", rate)).value).toEqual({
      ...{ count: 0, rate: "0.87", before: "0.87" },
    });
  });
});

test("the books are right", async () => {
  expect(await supabase.sql("select * from public.ledger_check()")).toEqual([]);
});
