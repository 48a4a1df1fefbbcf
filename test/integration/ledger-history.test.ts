/** The audit trail, and whoever tries to change it: every role that the application has, and the one that owns the tables. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOwnDatabase } from "../setup/own-database.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: TestSupabase;
let user: string;
let admin: string;
let transfer: string;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  ({ id: user } = await newUser({ home: "supabase", on: supabase }));
  ({ id: admin } = await newUser({ home: "supabase", on: supabase }));
  transfer = crypto.randomUUID();
  await supabase.sql("select public.ledger_open_account($1, 'EUR', 'request-1')", [user]);
  await supabase.sql(
    `select public.ledger_deposit($1, $2, a.id, '10', p_request => 'request-2')
     from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id where o.user_id = $1`,
    [user, transfer],
  );
  await supabase.sql("select public.private_profile_set_wallet($1, '0xabc', 'request-3')", [user]);
  await supabase.sql("select public.private_profile_set_kyc($1, 'verified', $2, 'request-4')", [user, admin]);
});
afterAll(() => supabase?.stop());

test("says who, when, in which request, and how it was before and after", async () => {
  const rows = await supabase.sql(
    `select h.request_id, h.action, h.before, h.after ->> 'status' as status, h.at > now() - interval '1 hour' as is_new,
       h.actor = (select id from public.ledger_owners where user_id = $2) as is_theirs
     from public.ledger_history h where subject_id = $1`,
    [transfer, user],
  );
  expect(rows).toEqual([
    { request_id: "request-2", action: "insert", before: null, status: "posted", is_new: true, is_theirs: true },
  ]);
});

const trailOf = (owner: unknown) =>
  supabase.sql(
    `select request_id, action, before ->> 'kyc_status' as kyc_before, after ->> 'kyc_status' as kyc, before ->> 'wallet_address' as wallet_before,
       after ->> 'wallet_address' as wallet, (select user_id from public.ledger_owners o where o.id = h.actor) as by
     from public.ledger_history h where subject = 'private_profiles' and subject_id = $1 order by seq`,
    [owner],
  );
const ownerOf = async (of: string) =>
  (await supabase.sql<{ id: string }>("select id::text from public.ledger_owners where user_id = $1", [of]))[0]?.id;

test("says the same of how far a user is identified, and of their wallet", async () => {
  expect(await trailOf(await ownerOf(user))).toEqual([
    {
      ...{ request_id: "request-3", action: "insert", by: user },
      ...{ kyc_before: null, kyc: "none", wallet_before: null, wallet: "0xabc" },
    },
    {
      ...{ request_id: "request-4", action: "update", by: admin },
      ...{ kyc_before: "none", kyc: "verified", wallet_before: "0xabc", wallet: "0xabc" },
    },
  ]);
});

test.each(["delete from auth.users where id = $1", "update auth.users set deleted_at = now() where id = $1"])(
  "keeps that of a user who leaves, and names them no more: %s",
  async (statement) => {
    const { id } = await newUser({ home: "supabase", on: supabase });
    await supabase.sql("select public.private_profile_set_wallet($1, '0xdef', 'request-5')", [id]);
    const owner = await ownerOf(id);
    await supabase.sql(statement, [id]);
    expect(await trailOf(owner)).toMatchObject([
      { action: "insert", wallet: "0xdef", by: null },
      { action: "delete", wallet_before: "0xdef", wallet: null },
    ]);
    const rows = await supabase.sql<{ row: string }>("select to_jsonb(h)::text as row from public.ledger_history h");
    expect(rows.filter(({ row }) => row.includes(id))).toEqual([]);
  },
);

const TABLES = ["ledger_history", "ledger_entries", "ledger_transfers", "ledger_accounts"];
const ATTEMPTS: readonly (readonly [string, (table: string) => string])[] = [
  ["update", (table) => `update public.${table} set ${table === "ledger_history" ? "action" : "asset"} = 'x'`],
  ["delete", (table) => `delete from public.${table}`],
  ["truncate", (table) => `truncate public.${table} cascade`],
];
const everything = () =>
  Promise.all(TABLES.map((table) => supabase.sql(`select to_jsonb(x)::text as row from public.${table} x order by 1`)));

const ROLES = ["anon", "authenticated", "service_role"];

describe.each([...ROLES, "the owner"])("as %s", (role) => {
  const act = role === "the owner" ? "" : `set local role ${role};`;
  test.each(ATTEMPTS)("%s is refused of every table", async (verb, statement) => {
    const before = await everything();
    // balances change by functions that run as the owner: what an account says wrongly, the check tells
    const tables = act === "" && verb === "update" ? TABLES.filter((table) => table !== "ledger_accounts") : TABLES;
    for (const table of tables) {
      const tried = supabase.sql(`do $$ begin ${act} ${statement(table)}; end $$`);
      await expect(tried, `${verb} ${table}`).rejects.toEqual(expect.objectContaining({ code: "42501" }));
    }
    expect(await everything()).toEqual(before);
  });
});

test.each(ROLES)("as %s no private profile is changed past the functions that say who does", async (role) => {
  for (const statement of [
    "update public.private_profiles set kyc_status = 'none'",
    "delete from public.private_profiles",
    "truncate public.private_profiles",
    "insert into public.private_profiles (user_id) select id from auth.users",
  ]) {
    const tried = supabase.sql(`do $$ begin set local role ${role}; ${statement}; end $$`);
    await expect(tried, statement).rejects.toEqual(expect.objectContaining({ code: "42501" }));
  }
});

test("nor does the owner of the table change one without a trace, or empty it", async () => {
  const before = await trailOf(await ownerOf(user));
  await supabase.sql("update public.private_profiles set kyc_status = 'rejected' where user_id = $1", [user]);
  const after = await trailOf(await ownerOf(user));
  expect(after).toEqual([...before, expect.objectContaining({ kyc_before: "verified", kyc: "rejected", by: null })]);
  const emptied = supabase.sql("truncate public.private_profiles");
  await expect(emptied).rejects.toEqual(expect.objectContaining({ code: "42501" }));
});

test.each(ROLES)("as %s nothing is added to it", async (role) => {
  const tried = supabase.sql(`do $$ begin set local role ${role};
    insert into public.ledger_history (subject, subject_id, action) values ('ledger_transfers', 'x', 'insert'); end $$`);
  await expect(tried).rejects.toEqual(expect.objectContaining({ code: "42501" }));
});

test("nor by a session that replicates, where triggers of other tables are silent", async () => {
  const [row] = await supabase.sql<{ modes: string }>(
    `select string_agg(distinct tgenabled::text, '') as modes from pg_trigger
     where tgrelid = any ($1::regclass[]) and not tgisinternal`,
    [[...TABLES, "private_profiles"].map((table) => `public.${table}`)],
  );
  expect(row?.modes).toBe("A");
});
