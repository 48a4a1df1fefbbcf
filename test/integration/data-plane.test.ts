/** A Postgres of one's own as a home: prepared once by many, guarded like Supabase's, and told from every other database. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openPglite, openPostgres } from "../../scripts/dev/database.ts";
import { readDataPlane } from "../../scripts/migration-files.ts";
import { homeCollections } from "../../shared/collections/index.ts";
import { prepareDataPlane, type SqlClient, UnfitDataPlane } from "../../shared/postgres/prepare-data-plane.ts";
import { SCHEMA_REVISION } from "../../shared/postgres/revision.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { createServerDatabase, type ServerDatabase } from "../setup/server-database.ts";
import { servers } from "../setup/servers.ts";
import { snapshot } from "./table-snapshot.ts";

let control: OwnDatabase;
let server: ServerDatabase | undefined;
let database: Database;
/** on a server, a pool of connections, so that two at once are two */
let client: SqlClient;

const clientOf = (of: Database): SqlClient => ({
  query: (text, parameters) => of.sql(text, parameters),
  script: (text) => of.prepare(text),
});

beforeAll(async () => {
  control = await startOwnDatabase();
  const { dbUrl, adminDbUrl } = servers();
  if (dbUrl) {
    server = await createServerDatabase(dbUrl, adminDbUrl);
    database = await openPostgres(server.dbUrl, server.adminUrl);
    // nothing of Supabase's
    await database.prepare("drop schema auth cascade");
    await database.close();
    database = await openPostgres(server.dbUrl, server.dbUrl);
  } else database = await openPglite(undefined);
  client = clientOf(database);
});
afterAll(async () => {
  await database?.close();
  await server?.drop();
  await control?.stop();
});

const prepare = async (name = "neon", site = 3, on = client) =>
  prepareDataPlane(on, { name, site, ...(await readDataPlane()) });

/** One statement as a user, with the claims of their token. */
const as = (userId: string, claims: object, text: string, parameters: readonly unknown[] = []) =>
  database.transaction(async (query) => {
    const token = JSON.stringify({ sub: userId, role: "authenticated", app_metadata: claims });
    await query("select set_config('request.jwt.claims', $1, true)", [token]);
    await query("set local role authenticated");
    return query<{ answer: Record<string, unknown> }>(text, parameters);
  });
const create = (userId: string, claims: object) =>
  as(userId, claims, `select public.records_create('contacts', $1, '["id","version"]') as answer`, [
    JSON.stringify({ user_id: userId, id: crypto.randomUUID(), name: "Ann" }),
  ]);

test("two at once prepare it once, with what every Postgres gets and nothing of the control plane's", async () => {
  const { migrations } = await readDataPlane();
  await Promise.all([prepare(), prepare()]);
  const recorded = await database.sql("select version from switchyard.migrations order by version");
  expect(recorded.map(({ version }) => version)).toEqual(migrations.map(({ version }) => version));
  expect(await prepare()).toEqual([]);
  const [self] = await database.sql("select public.switchyard_health() as health, switchyard.site() as site");
  expect(self).toEqual({
    health: {
      id: expect.any(String),
      name: "neon",
      site: 3,
      revision: SCHEMA_REVISION,
      oldest_code: expect.any(Number),
      can_place: null,
      read_only: false,
      is_standby: false,
    },
    site: 3,
  });
  expect(await database.sql("select to_regclass('switchyard.databases') as there")).toEqual([{ there: null }]);
});

test("its tables are the control plane's, with their policies, grants and triggers", async () => {
  for (const { name } of homeCollections)
    expect(await snapshot(database.sql, "public", name)).toEqual(await snapshot(control.sql, "public", name));
  expect(await snapshot(database.sql, "switchyard", "self")).toEqual(await snapshot(control.sql, "switchyard", "self"));
  // the control plane's have more, for rows that have a copy
  for (const name of ["collections", "tombstones"]) {
    const { columns: more } = await snapshot(control.sql, "switchyard", name);
    expect(more).toMatchObject((await snapshot(database.sql, "switchyard", name)).columns);
  }
  const { columns } = await snapshot(database.sql, "public", "user_database_assignments");
  expect(columns).toEqual((await snapshot(control.sql, "public", "user_database_assignments")).columns);
});

test("nothing is within a user's reach but their own records", async () => {
  const [open] = await database.sql<{ tables: string[]; functions: string[]; schema: boolean }>(
    `select array(select c.oid::regclass::text from pg_class c where c.relnamespace in ('public'::regnamespace, 'switchyard'::regnamespace)
         and c.relkind in ('r', 'p') and (not c.relrowsecurity or (has_table_privilege('authenticated', c.oid, 'select')
           and not exists (select from switchyard.collections k where k.name = c.relname)))) as tables,
       array(select p.oid::regprocedure::text from pg_proc p where p.prosecdef and has_function_privilege('authenticated', p.oid, 'execute')
         and p.pronamespace in ('public'::regnamespace, 'switchyard'::regnamespace)) as functions,
       has_schema_privilege('authenticated', 'switchyard', 'usage') as schema`,
  );
  expect({ ...open, functions: open?.functions.sort() }).toEqual({
    tables: [],
    functions: ["switchyard.is_here(text)", "switchyard.is_home(boolean)"],
    schema: false,
  });
});

test("a user at home here writes with its site, a stranger sees nothing, and one who has moved is sent on", async () => {
  const [ann, eve] = [crypto.randomUUID(), crypto.randomUUID()];
  const home = { home: "neon", home_epoch: 1 };
  const [made] = await create(ann, home);
  expect(made).toMatchObject({ answer: { record: { version: expect.stringMatching(/^\d+$/) } } });
  expect(Number((await database.sql("select version from public.contacts"))[0]?.version) % 8).toBe(3);
  const list = "select count(*)::int as answer from public.contacts";
  expect(await as(ann, home, list)).toEqual([{ answer: 1 }]);
  expect(await as(eve, home, list)).toEqual([{ answer: 0 }]);
  for (const claims of [{}, { home: "supabase", home_epoch: 1 }]) {
    expect(await as(ann, claims, list)).toEqual([{ answer: 0 }]);
    expect(await create(ann, claims)).toMatchObject([{ answer: { error: "42501" } }]);
  }
  const fence =
    "insert into public.user_database_assignments (user_id, database_provider, epoch, reason) values ($1, $2, $3, 'moved')";
  await database.sql(fence, [ann, "atlas", 2]);
  await expect(as(ann, home, list)).rejects.toMatchObject({ code: "PT421" });
  expect(await create(ann, home)).toMatchObject([{ answer: { error: "PT421" } }]);
  expect(await as(ann, { home: "atlas", home_epoch: 2 }, list)).toEqual([{ answer: 0 }]);
  expect(await as(ann, { home: "neon", home_epoch: 3 }, list)).toEqual([{ answer: 1 }]);
  const purge = () => database.sql("select public.switchyard_purge_records($1::uuid) as gone", [ann]);
  // the record, and its tombstone
  expect([await purge(), await purge()]).toEqual([[{ gone: 2 }], [{ gone: 0 }]]);
});

test("another name, another site, and a control plane are refused, with what to do", async () => {
  const refusal = async (work: Promise<unknown>) => {
    const error = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnfitDataPlane);
    return (error as Error).message;
  };
  expect(await refusal(prepare("rds"))).toMatch(/is "neon" already.*Give "rds" a database of its own/);
  expect(await refusal(prepare("neon", 4))).toMatch(/switchyard databases add neon --site=3/);
  const ofControl: SqlClient = { query: control.sql, script: async (text) => void (await control.sql(text)) };
  expect(await refusal(prepare("neon", 3, ofControl))).toMatch(/control plane.*Set DATABASE_NEON/);
  // the roles of a server are there already, once another database of it is prepared
  const told = (facts: object): SqlClient => ({
    ...client,
    query: async (text, parameters) =>
      (await client.query(text, parameters)).map((row) => ("makes_roles" in row ? { ...row, ...facts } : row)),
  });
  const lowly = { role: "lowly", makes_roles: false };
  expect(await refusal(prepare("neon", 3, told({ ...lowly, missing: ["anon"] })))).toBe(
    'The role lowly may not create roles. As an administrator: create role anon nologin noinherit; grant authenticated to "lowly";',
  );
  expect(await refusal(prepare("neon", 3, told({ ...lowly, acts: false })))).toBe(
    'The role lowly may not act as authenticated. As an administrator: grant authenticated to "lowly";',
  );
});

test("a migration that fails is named, leaves nothing, and is tried again", async () => {
  const { base, migrations } = await readDataPlane();
  const broken = (text: string) => [...migrations, { version: "99990101000000", name: "broken", text }];
  const half = "create table public.half (id int); select 1 / 0;";
  await expect(prepareDataPlane(client, { name: "neon", site: 3, base, migrations: broken(half) })).rejects.toThrow(
    '99990101000000_broken failed: division by zero. Every database gets each migration but those that begin with the line "-- plane: control"',
  );
  expect(await database.sql("select to_regclass('public.half') as half")).toEqual([{ half: null }]);
  const mended = broken("create table public.half (id int); drop table public.half;");
  expect(await prepareDataPlane(client, { name: "neon", site: 3, base, migrations: mended })).toEqual([
    "99990101000000",
  ]);
});

test("a collection's migration of an earlier version is refused: its policy knows the home by a literal", async () => {
  const { base, migrations } = await readDataPlane();
  const contacts = migrations.find(({ name }) => name === "contacts")?.text ?? "";
  const earlier = { version: "99990102000000", name: "friends", text: contacts.replaceAll("contacts", "friends") };
  expect(earlier.text).toMatch("create policy friends_owner");
  const plane = (text: string) => ({
    name: "neon",
    site: 3,
    base,
    migrations: [...migrations, { ...earlier, text }],
  });
  await expect(prepareDataPlane(client, plane(earlier.text))).rejects.toThrow(
    /^Migration 99990102000000_friends failed: the policy of "friends" .* Print it again: switchyard collection sql friends\.$/,
  );
  expect(await database.sql("select to_regclass('public.friends') as friends")).toEqual([{ friends: null }]);
});
