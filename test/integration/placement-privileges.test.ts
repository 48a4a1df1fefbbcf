/** Nothing of the placement is within reach of a user's own roles, whatever Supabase grants by default. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";

let database: OwnDatabase;
beforeAll(async () => {
  database = await startOwnDatabase();
});
afterAll(() => database?.stop());

const ROLES = ["anon", "authenticated"];

describe.each(ROLES)("%s", (role) => {
  test("may call no function that runs with its owner's rights, but those that say whether the caller is let in, at home, here, or in which room", async () => {
    const [found] = await database.sql<{ all: number; callable: string[] }>(
      `select count(*)::int as all,
         coalesce(array_agg(p.oid::regprocedure::text) filter (where has_function_privilege($1, p.oid, 'execute')), '{}') as callable
       from pg_proc p where p.prosecdef and p.pronamespace in ('public'::regnamespace, 'switchyard'::regnamespace)`,
      [role],
    );
    expect(found?.all).toBeGreaterThan(20);
    const asked = [
      "switchyard.is_here(text)",
      "switchyard.is_home(boolean)",
      "switchyard.is_let_in()",
      "switchyard.ledger_owner()",
      "switchyard.memberships(text)",
    ];
    expect(found?.callable.sort()).toEqual(role === "authenticated" ? asked : []);
  });

  test("may call none of the system's functions", async () => {
    const callable = await database.sql(
      `select p.oid::regprocedure::text as name from pg_proc p
       where (p.proname like 'switchyard\\_%' or p.proname = 'custom_access_token_hook')
         and p.pronamespace = 'public'::regnamespace and has_function_privilege($1, p.oid, 'execute')`,
      [role],
    );
    expect(callable).toEqual([]);
  });

  test("has no rights on the schema switchyard, and none on assignments but to see its own", async () => {
    const [schema] = await database.sql("select has_schema_privilege($1, 'switchyard', 'usage, create') as some", [
      role,
    ]);
    expect(schema).toEqual({ some: false });
    const granted = await database.sql(
      `select privilege_type from information_schema.role_table_grants
       where grantee in ($1, 'PUBLIC') and table_schema = 'public' and table_name = 'user_database_assignments'`,
      [role],
    );
    expect(granted).toEqual(role === "authenticated" ? [{ privilege_type: "SELECT" }] : []);
  });
});

test("every table has row-level security", async () => {
  const tables = await database.sql<{ name: string; secured: boolean }>(
    `select c.oid::regclass::text as name, c.relrowsecurity as secured from pg_class c
     where c.relkind in ('r', 'p') and (c.relnamespace = 'switchyard'::regnamespace
       or c.oid in (select to_regclass('public.' || name) from switchyard.collections)
       or c.oid = 'public.user_database_assignments'::regclass)`,
  );
  expect(tables.length).toBeGreaterThan(15);
  expect(tables.filter(({ secured }) => !secured)).toEqual([]);
});

test("every function that runs with its owner's rights pins its search path", async () => {
  expect(
    await database.sql(
      `select p.oid::regprocedure::text as name from pg_proc p
       where p.prosecdef and p.pronamespace in ('public'::regnamespace, 'switchyard'::regnamespace)
         and not coalesce(p.proconfig @> array['search_path=""'], false)`,
    ),
  ).toEqual([]);
});

test("the token function is for Auth, the system's functions for service_role", async () => {
  const [may] = await database.sql(
    `select has_function_privilege('supabase_auth_admin', 'public.custom_access_token_hook(jsonb)', 'execute') as hook,
       has_function_privilege('service_role', 'public.custom_access_token_hook(jsonb)', 'execute') as service,
       has_schema_privilege('supabase_auth_admin', 'public', 'usage') as schema,
       (select bool_and(has_function_privilege('service_role', p.oid, 'execute'))
        from pg_proc p where p.proname like 'switchyard\\_%' and p.pronamespace = 'public'::regnamespace) as system`,
  );
  expect(may).toEqual({ hook: true, service: false, schema: true, system: true });
});

test("a user sees their own assignment and nobody else's", async () => {
  const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
  for (const id of [one, other]) await database.sql("insert into auth.users (id) values ($1::uuid)", [id]);
  await database.sql("create table public.test_seen (user_id uuid)");
  await database.sql("grant insert on public.test_seen to authenticated");
  await database.sql(`do $$ begin
    perform set_config('request.jwt.claims', '{"sub":"${one}","role":"authenticated"}', true);
    perform set_config('request.jwt.claim.sub', '${one}', true);
    set local role authenticated;
    insert into public.test_seen select user_id from public.user_database_assignments;
  end $$`);
  expect(await database.sql("select user_id from public.test_seen")).toEqual([{ user_id: one }]);
});
