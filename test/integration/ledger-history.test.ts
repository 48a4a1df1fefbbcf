/** The audit trail, and whoever tries to change it: every role that the application has, and the one that owns the tables. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: TestSupabase;
let user: string;
let transfer: string;
beforeAll(async () => {
  supabase = await startTestSupabase();
  ({ id: user } = await newUser({ home: "supabase", on: supabase }));
  transfer = crypto.randomUUID();
  await supabase.sql("select public.ledger_open_account($1, 'EUR', 'request-1')", [user]);
  await supabase.sql(
    `select public.ledger_deposit($1, $2, a.id, '10', p_request => 'request-2')
     from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id where o.user_id = $1`,
    [user, transfer],
  );
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

test.each(ROLES)("as %s nothing is added to it", async (role) => {
  const tried = supabase.sql(`do $$ begin set local role ${role};
    insert into public.ledger_history (subject, subject_id, action) values ('ledger_transfers', 'x', 'insert'); end $$`);
  await expect(tried).rejects.toEqual(expect.objectContaining({ code: "42501" }));
});

test("nor by a session that replicates, where triggers of other tables are silent", async () => {
  const [row] = await supabase.sql<{ modes: string }>(
    `select string_agg(distinct tgenabled::text, '') as modes from pg_trigger
     where tgrelid = any ($1::regclass[]) and not tgisinternal`,
    [TABLES.map((table) => `public.${table}`)],
  );
  expect(row?.modes).toBe("A");
});
