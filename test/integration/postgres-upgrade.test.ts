/** A database that the first release has filled, brought up to date: nothing is lost, and old code's calls go on working. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { createServerDatabase, type ServerDatabase } from "../setup/server-database.ts";
import { startPatiently } from "../setup/start-supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

const MIGRATIONS = new URL("../../supabase/migrations/", import.meta.url);
/** the last migration of the first release */
const FIRST_RELEASE = "20261121001700";

let own: ServerDatabase | undefined;
let supabase: RunningSupabase;
let ann: TestUser;

async function migrate(which: (version: string) => boolean): Promise<void> {
  for (const file of (await readdir(MIGRATIONS)).sort())
    if (which(file.slice(0, 14))) {
      const text = await readFile(new URL(file, MIGRATIONS), "utf8");
      // as the role of the migrations, where there is one that is not the administrator
      await supabase.sql(`do $run$ begin
        if exists (select from pg_roles where rolname = 'supabase_admin') then set local role postgres; end if;
        execute $script$${text}$script$;
      end $run$`);
    }
}

beforeAll(async () => {
  const { dbUrl, adminDbUrl } = inject("servers");
  if (dbUrl) own = await createServerDatabase(dbUrl, adminDbUrl);
  const at = own ? { dbUrl: own.dbUrl, adminDbUrl: own.adminUrl } : {};
  supabase = await startPatiently({ functions: false, migrations: false, ...at });
  await migrate((version) => version <= FIRST_RELEASE);
  await supabase.sql("update switchyard.databases set accepting = true, opened_at = now()");
  // by hand, as the first release had no command for it
  await supabase.sql("insert into switchyard.databases (name, kind, accepting) values ('atlas', 'mongodb', true)");
  ann = await newUser({ home: "supabase", on: supabase });
});
afterAll(async () => {
  await supabase?.stop();
  await own?.drop();
});

test("rows, homes and purges of before are there after it, under the new rules", async () => {
  const record = JSON.stringify({ user_id: ann.id, id: crypto.randomUUID(), name: "Crème", kind: "expense" });
  const create = (text: string) =>
    supabase.sql(`select public.records_create('categories', $1, '["id","version"]') as answer`, [text]);
  await create(record);
  const gone = [await newUser({ home: "supabase", on: supabase }), await newUser({ home: "mongodb", on: supabase })];
  await supabase.sql("delete from auth.users where id = any ($1::uuid[])", [gone.map(({ id }) => id)]);
  await supabase.sql(
    "select public.switchyard_purge_failed(id, 'away') from public.switchyard_purge_claim('mongodb', 1)",
  );
  await supabase.sql("select public.switchyard_purge_done(id) from public.switchyard_purge_claim('supabase', 1)");
  const rows = () =>
    // folded text is what the migrations make it, and compared below
    supabase.sql(`select to_jsonb(c) - '{name_folded,search_text}'::text[] as row from public.categories c union all
      select to_jsonb(a) - '{held_until,turn}'::text[] from public.user_database_assignments a union all select to_jsonb(p) from switchyard.purges p`);
  const before = await rows();
  const tasks = await supabase.sql(
    `select p.user_id as subject, t.database, t.purge_id::int as purge, t.run::int, t.due_at, t.attempts, t.last_error, t.done_at
     from switchyard.purge_tasks t join switchyard.purges p on p.id = t.purge_id order by t.id`,
  );
  expect(tasks).toHaveLength(8);

  await migrate((version) => version > FIRST_RELEASE);

  expect(await rows()).toEqual(before);
  expect(
    await supabase.sql(
      `select subject, database, (payload ->> 'purge')::int as purge, (payload ->> 'run')::int as run, due_at, attempts,
         last_error, done_at
       from switchyard.tasks where queue = 'purge' order by id`,
    ),
  ).toEqual(tasks);
  expect(await supabase.sql("select name, site::int from switchyard.databases order by site")).toEqual([
    { name: "supabase", site: 1 },
    { name: "mongodb", site: 2 },
    { name: "atlas", site: 3 },
  ]);
  const policies = await supabase.sql<{ text: string }>(
    `select pg_get_expr(coalesce(polqual, polwithcheck), polrelid) as text from pg_policy p
     where p.polrelid in (select to_regclass('public.' || name) from switchyard.collections where placement = 'home')`,
  );
  expect(policies).toHaveLength(28);
  for (const { text } of policies) expect(text).toContain("switchyard.is_home(");
  expect(await supabase.sql("select name, search_text from public.categories")).toEqual([
    { name: "Crème", search_text: "creme" },
  ]);
  const made = "select count(*)::int as records from public.categories";
  await create(record.replace(/"id":"[^"]*"/, `"id":"${crypto.randomUUID()}"`).replace("Crème", "Rent"));
  expect(await supabase.sql(made)).toEqual([{ records: 2 }]);
});
