/** Every table and every function that Supabase's REST shows, with a stranger's own token: another user's records stay theirs. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { referencesFrom } from "../../shared/collections/references.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { postgresRepositories } from "../../shared/postgres/index.ts";
import type { Owner } from "../contract/store.ts";
import { type Body, body, create, each } from "../contract/suite/samples.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let ann: TestUser;
let eve: TestUser;
/** at home in MongoDB */
let mo: TestUser;
const anns = new Map<string, Body & { id: string }>();

const rest = (user: TestUser) =>
  userClient({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }, user.jwt);
const ownerOf = (user: TestUser): Owner => ({
  userId: user.id,
  repository: postgresRepositories({ client: rest(user), userId: user.id }).repository,
});
/** Everything that is Ann's, as it stands in the tables. */
const belongings = () =>
  Promise.all(
    [...each, "user_database_assignments"].map((name) =>
      supabase.sql(`select to_jsonb(t)::text as row from public.${name} t where user_id = $1 order by 1`, [ann.id]),
    ),
  );

beforeAll(async () => {
  supabase = await startTestSupabase();
  [ann, eve] = [await newUser({ home: "supabase", on: supabase }), await newUser({ home: "supabase", on: supabase })];
  mo = await newUser({ home: "mongodb", on: supabase });
  for (const name of each) anns.set(name, await create(ownerOf(ann), name, await body(ownerOf(ann), name, "full")));
}, 60_000);
afterAll(() => supabase?.stop());

describe.each(each)("%s over REST", (name) => {
  const mine = () => anns.get(name) ?? { id: "" };
  /** A row as REST takes it, with parents of that user's own. */
  const row = async (user: TestUser): Promise<Body> => ({
    ...(user === mo ? {} : await body(ownerOf(user), name)),
    user_id: user.id,
    id: crypto.randomUUID(),
  });

  test.each(["eve", "mo"])("nothing of Ann's is read, counted, changed or removed by %s", async (who) => {
    const table = () => rest(who === "eve" ? eve : mo).from(name);
    const before = await belongings();
    for (const column of ["id", "user_id"] as const) {
      const target = column === "id" ? mine().id : ann.id;
      expect((await table().select("*").eq(column, target)).data).toEqual([]);
      expect((await table().select("id", { count: "exact", head: true }).eq(column, target)).count).toBe(0);
      expect((await table().delete().eq(column, target).select()).data).toEqual([]);
    }
    const [field = ""] = Object.keys(mine()).filter((key) => ["name", "description", "note"].includes(key));
    expect(
      (
        await table()
          .update({ [field]: "taken" })
          .eq("id", mine().id)
          .select()
      ).data,
    ).toEqual([]);
    expect((await table().select("*").or(`user_id.eq.${ann.id},id.eq.${mine().id}`)).data).toEqual([]);
    expect(await belongings()).toEqual(before);
  });

  test("a row in Ann's name is refused, the same whether its id is taken or free", async () => {
    const before = await belongings();
    const answers = [];
    for (const id of [mine().id, crypto.randomUUID()])
      for (const write of ["insert", "upsert"] as const) {
        const fresh = { ...(await row(eve)), user_id: ann.id, id };
        const { error, status } = await rest(eve).from(name)[write](fresh);
        answers.push({ status, code: error?.code, message: error?.message });
      }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.code).toBe("42501");
    expect(await belongings()).toEqual(before);
  });

  const references = referencesFrom(allCollections.find((collection) => collection.name === name) ?? fail(name));
  test("a reference to a record of Ann's is refused like one to nothing, on insert and on update", async () => {
    const { id } = await create(ownerOf(eve), name);
    for (const { field, target } of references) {
      const answers = [];
      for (const parent of [anns.get(target)?.id, crypto.randomUUID()]) {
        const inserted = await rest(eve)
          .from(name)
          .insert({ ...(await row(eve)), [field]: parent });
        const updated = await rest(eve)
          .from(name)
          .update({ [field]: parent })
          .eq("id", id);
        for (const { error, status } of [inserted, updated])
          answers.push({
            status,
            text: JSON.stringify([error?.code, error?.message]).replaceAll(String(parent), "<id>"),
          });
      }
      expect(answers[0]?.text).toMatch(/23503/);
      expect(answers.slice(2)).toEqual(answers.slice(0, 2));
    }
  });

  test("a user at home in MongoDB writes nothing here and reads nothing", async () => {
    const fresh = { ...(await row(eve)), user_id: mo.id };
    for (const write of ["insert", "upsert"] as const) {
      const { error } = await rest(mo).from(name)[write](fresh);
      expect(error?.code).toBe("42501");
    }
    expect((await rest(mo).from(name).select("*")).data).toEqual([]);
    expect(await supabase.sql(`select id from public.${name} where user_id = $1`, [mo.id])).toEqual([]);
  });

  test("a token that says another home than the assignment changes nothing", async () => {
    const claims = { home: "supabase", home_epoch: 9, role: "service_role" };
    const lying = await newUser({ home: "mongodb", on: supabase, appMetadata: claims });
    const fresh = { ...(await row(eve)), user_id: lying.id };
    expect((await rest(lying).from(name).insert(fresh)).error?.code).toBe("42501");
  });
});

function fail(name: string): never {
  throw new Error(`there is no collection ${name}`);
}

describe("homes over REST", () => {
  test("a user reads their own and changes none", async () => {
    const table = () => rest(mo).from("user_database_assignments");
    const own = (await table().select("user_id, database_provider")).data;
    expect(own).toEqual([{ user_id: mo.id, database_provider: "mongodb" }]);
    const before = await supabase.sql(
      "select to_jsonb(a)::text as row from public.user_database_assignments a order by 1",
    );
    const change = { database_provider: "supabase" };
    const answers = [
      await table().update(change).eq("user_id", mo.id),
      await table().upsert({ user_id: mo.id, ...change }),
      await table().insert({ user_id: crypto.randomUUID(), ...change }),
      await table().delete().eq("user_id", mo.id),
    ];
    for (const { error } of answers) expect(error?.code).toBe("42501");
    expect(
      await supabase.sql("select to_jsonb(a)::text as row from public.user_database_assignments a order by 1"),
    ).toEqual(before);
  });
});

describe("what is not the user's to see", () => {
  const anyone = async (): Promise<[string, SupabaseClient][]> => [
    ["anonymous", rest({ ...eve, jwt: supabase.publishableKey })],
    ["eve", rest(eve)],
  ];

  test("every table outside public is out of reach, for reading and for writing", async () => {
    const tables = await supabase.sql<{ schema: string; name: string }>(
      `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname in ('switchyard', 'auth', 'supabase_migrations') and c.relkind in ('r', 'v', 'm', 'p')`,
    );
    expect(tables.length).toBeGreaterThan(8);
    for (const [who, client] of await anyone())
      for (const { schema, name } of tables) {
        const table = client.schema(schema as "public").from(name);
        for (const { data, error } of [await table.select("*").limit(1), await table.insert({}).select()]) {
          expect([who, schema, name, data]).toEqual([who, schema, name, null]);
          expect(error).not.toBeNull();
        }
      }
  }, 60_000);

  test("no role of the API has a right on any table of switchyard", async () => {
    const rights = await supabase.sql(
      `select r.role, c.relname, p.privilege from (values ('anon'), ('authenticated')) r(role), pg_class c,
         (values ('select'), ('insert'), ('update'), ('delete'), ('truncate')) p(privilege)
       where c.relnamespace = 'switchyard'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')
         and has_table_privilege(r.role, c.oid, p.privilege)`,
    );
    expect(rights).toEqual([]);
  });

  test("tables of public are the collections, homes and nothing else, all with row-level security", async () => {
    const tables = await supabase.sql<{ relname: string; relrowsecurity: boolean }>(
      `select relname, relrowsecurity from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p')
         and (has_table_privilege('anon', oid, 'select') or has_table_privilege('authenticated', oid, 'select')
           or has_any_column_privilege('authenticated', oid, 'insert') or has_any_column_privilege('anon', oid, 'insert'))`,
    );
    expect(tables.map(({ relname }) => relname).sort()).toEqual([...each, "user_database_assignments"].sort());
    for (const { relname, relrowsecurity } of tables) expect([relname, relrowsecurity]).toEqual([relname, true]);
  });
});

interface Signature {
  name: string;
  names: string[] | null;
  types: string[];
}

/** Something of the type, aimed at Ann. */
function argument(name: string, type: string, collection: string): unknown {
  if (type === "uuid") return name.endsWith("user_id") ? ann.id : (anns.get(collection)?.id ?? ann.id);
  if (type === "boolean") return true;
  if (/int|numeric/.test(type)) return name.includes("version") ? (anns.get(collection)?.version ?? 1) : 100;
  if (/timestamp/.test(type)) return "2020-01-01T00:00:00Z";
  if (name.includes("collection")) return collection;
  if (name.includes("columns")) return '["id","user_id"]';
  if (name.includes("filters")) return "[]";
  if (name.includes("record") || name.includes("changes")) return JSON.stringify({ user_id: ann.id, note: "taken" });
  if (/json/.test(type)) return { user_id: ann.id };
  if (name.includes("sort") || name === "p_by") return "id";
  return name.includes("search") || name.includes("month") || name.includes("after") ? null : "mongodb";
}

describe("functions over REST", () => {
  test("give a stranger nothing of Ann's and change nothing", async () => {
    const functions = await supabase.sql<Signature>(
      `select p.proname as name, p.proargnames[1:p.pronargs] as names,
         array(select format_type(t, null) from unnest(p.proargtypes) t) as types
       from pg_proc p where p.pronamespace = 'public'::regnamespace`,
    );
    expect(functions.length).toBeGreaterThan(15);
    const before = await belongings();
    const [databases] = await supabase.sql(
      "select jsonb_agg(to_jsonb(d) - 'user_count' order by name)::text as all from switchyard.databases d",
    );
    const clients = { anonymous: rest({ ...eve, jwt: supabase.publishableKey }), eve: rest(eve), mo: rest(mo) };
    for (const { name, names, types } of functions)
      for (const [who, client] of Object.entries(clients))
        for (const collection of name.startsWith("records_") ? each : ["expenses"]) {
          const entries = (names ?? []).map((each, i) => [each, argument(each, types[i] ?? "", collection)]);
          const { data, error } = await client.rpc(name, Object.fromEntries(entries));
          const said = `${who} ${name}: ${JSON.stringify(error ?? data)}`;
          for (const { id } of anns.values()) if (!said.includes("SY412")) expect(said).not.toContain(id);
          if (who === "anonymous" || !name.startsWith("records_")) expect(said).toMatch(/"(42501|PGRST\d+|22\w+)"/);
        }
    expect(await belongings()).toEqual(before);
    expect(
      await supabase.sql(
        "select jsonb_agg(to_jsonb(d) - 'user_count' order by name)::text as all from switchyard.databases d",
      ),
    ).toEqual([databases]);
  }, 60_000);

  test("of the system are for the service alone", async () => {
    const open = await supabase.sql(
      `select r.role, p.proname from (values ('anon'), ('authenticated')) r(role), pg_proc p
       where p.pronamespace = 'public'::regnamespace and p.proname not like 'records\\_%'
         and has_function_privilege(r.role, p.oid, 'execute')`,
    );
    expect(open).toEqual([]);
    const definers = await supabase.sql<{ proname: string; proconfig: string[] | null }>(
      `select proname, proconfig from pg_proc where pronamespace in ('public'::regnamespace, 'switchyard'::regnamespace) and prosecdef`,
    );
    for (const { proname, proconfig } of definers)
      expect([proname, proconfig]).toEqual([proname, expect.arrayContaining(['search_path=""'])]);
  });
});
