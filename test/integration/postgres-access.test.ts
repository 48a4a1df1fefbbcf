/** What a user can do with their own token past the API: Supabase's REST on the tables and functions themselves. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { collections, tableCollections } from "../../shared/collections/index.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { value } from "../contract/store.ts";
import { ownerField } from "../contract/suite/samples.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let ann: TestUser;
let eve: TestUser;
/** at home in MongoDB */
let mo: TestUser;
/** Ann's */
let category: string;
let expense: string;

beforeAll(async () => {
  supabase = await startTestSupabase();
  ann = await newUser({ home: "supabase", on: supabase });
  eve = await newUser({ home: "supabase", on: supabase });
  mo = await newUser({ home: "mongodb", on: supabase });
  category = value(await records(ann).repository(collections.categories).create({ name: "Rent", kind: "expense" })).id;
  expense = value(
    await records(ann)
      .repository(collections.expenses)
      .create(spent({ category_id: category })),
  ).id;
});
afterAll(() => supabase?.stop());

const spent = (more: object = {}) => ({ amount: "1", currency: "EUR", date: "2026-03-14", ...more });
const config = () => ({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey });
const rest = (user: TestUser) => userClient(config(), user.jwt);
const records = (user: TestUser, userId = user.id) => postgresRepositories({ client: rest(user), userId });
const row = (user: TestUser, more: object = {}) => ({ ...spent(), user_id: user.id, id: crypto.randomUUID(), ...more });
const stored = (id: string) => supabase.sql("select * from public.expenses where id = $1", [id]);

describe.each(tableCollections.map((each) => [each.name, each] as const))(
  "%s",
  (name, { usersMay, search, fields }) => {
    test("without a token nothing can be read or written", async () => {
      const anyone = (method: string) =>
        fetch(`${supabase.url}/rest/v1/${name}?select=id`, {
          method,
          headers: { apikey: supabase.publishableKey, "content-type": "application/json" },
          ...(method !== "GET" && { body: JSON.stringify({ id: crypto.randomUUID() }) }),
        });
      for (const method of ["GET", "POST", "PATCH", "DELETE"]) expect((await anyone(method)).status).toBe(401);
    });

    test("the roles of the REST API have exactly the rights that the migration grants", async () => {
      const rights = await supabase.sql<{ line: string }>(
        `select distinct r.role || ' ' || p.privilege as line from (values ('anon'), ('authenticated')) r(role),
         (values ('select'), ('insert'), ('update'), ('delete'), ('truncate'), ('references'), ('trigger')) p(privilege)
       where has_table_privilege(r.role, $1, p.privilege) order by 1`,
        [`public.${name}`],
      );
      const verbs = usersMay.includes("delete") ? ["delete", "select"] : ["select"];
      expect(rights.map(({ line }) => line)).toEqual(verbs.map((verb) => `authenticated ${verb}`));
      for (const column of ["version", "created_at", "updated_at", ...(search.length > 0 ? ["search_text"] : [])])
        for (const privilege of ["insert", "update"])
          expect(await may("authenticated", name, column, privilege), `${privilege} ${column}`).toBe(false);
      const authors = Object.keys(fields).filter((field) => fields[field]?.isAuthor);
      for (const column of ["id", ownerField(name), "create_hash", ...authors])
        expect(await may("authenticated", name, column, "update"), `update ${column}`).toBe(false);
    });
  },
);

async function may(role: string, table: string, column: string, privilege: string): Promise<boolean> {
  const rows = await supabase.sql<{ may: boolean }>(
    "select has_column_privilege($1::name, $2::text, $3::text, $4) as may",
    [role, `public.${table}`, column, privilege],
  );
  return rows[0]?.may ?? false;
}

describe("a stranger with their own token", () => {
  test("sees, counts, changes and deletes nothing", async () => {
    const before = await stored(expense);
    const strange = rest(eve).from("expenses");
    expect((await strange.select("id")).data).toEqual([]);
    expect((await strange.select("id", { count: "exact", head: true })).count).toBe(0);
    expect((await strange.update({ description: "mine" }).eq("id", expense).select("id")).data).toEqual([]);
    expect((await strange.delete().eq("id", expense).select("id")).data).toEqual([]);
    expect(await stored(expense)).toEqual(before);
  });

  test("cannot leave a record with another, nor learn whether an id is taken there", async () => {
    for (const id of [expense, crypto.randomUUID()]) {
      const { error } = await rest(eve)
        .from("expenses")
        .insert({ ...row(ann), id, create_hash: "x" });
      expect(error).toMatchObject({ code: "42501" });
    }
  });

  test("cannot learn whether a deleted record was there", async () => {
    const repository = records(ann).repository(collections.expenses);
    const { id } = value(await repository.create(spent(), { idempotencyHash: "x" }));
    value(await repository.delete(id));
    const { error } = await rest(eve)
      .from("expenses")
      .insert({ ...row(ann), id, create_hash: "x" });
    expect(error).toMatchObject({ code: "42501" });
  });

  test("cannot refer to another's record, and is told the same as of one that is nowhere", async () => {
    const refer = (id: string) =>
      rest(eve)
        .from("expenses")
        .insert(row(eve, { category_id: id }));
    const [taken, free] = [await refer(category), await refer(crypto.randomUUID())];
    expect(taken.error).toMatchObject({ code: "23503" });
    expect(taken.error?.message).toBe(free.error?.message);
    const mine = records(eve).repository(collections.expenses);
    expect(await mine.create(spent({ category_id: category }))).toMatchObject({ error: { code: "invalid_reference" } });
  });

  test("gains nothing from the functions, whatever owner they name", async () => {
    const strange = records(eve, ann.id).repository(collections.expenses);
    expect(await strange.get(expense)).toMatchObject({ error: { code: "not_found" } });
    expect(value(await strange.count({ filters: [] }))).toBe(0);
    expect(value(await strange.summarize({ filters: [] }))).toEqual([]);
    expect(await strange.create(spent())).toMatchObject({ error: { code: "forbidden" } });
    expect(await strange.update(expense, { description: "x" })).toMatchObject({ error: { code: "not_found" } });
    expect(await strange.delete(expense)).toMatchObject({ error: { code: "not_found" } });
  });

  test("cannot give SQL to the functions", async () => {
    const { data, error } = await rest(eve).rpc("records_list", {
      p_collection: "expenses",
      p_user_id: eve.id,
      p_filters: JSON.stringify([{ field: "amount", operator: "eq", value: "1' or true or '1' = '1" }]),
      p_search: "') > 0 or true or strpos('",
      p_order: '[{"field": "date", "descending": false}]',
      p_after: null,
      p_limit: 10,
      p_columns: '["id"]',
    });
    expect(data).toBeNull();
    expect(error).toMatchObject({ code: "22P02" });
    const { error: unknown } = await rest(eve).rpc("records_delete", {
      p_collection: 'expenses" t; drop table public.expenses; --',
      p_user_id: eve.id,
      p_id: expense,
      p_version: null,
    });
    expect(unknown?.code).toMatch(/^(42P01|PGRST205)$/);
    expect(await stored(expense)).toHaveLength(1);
  });
});

describe("an owner with their own token", () => {
  test.each([
    ["version", { version: 1 }],
    ["created_at", { created_at: "2001-01-01T00:00:00Z" }],
    ["updated_at", { updated_at: "2001-01-01T00:00:00Z" }],
    ["id", { id: crypto.randomUUID() }],
    ["create_hash", { create_hash: "x" }],
    ["user_id", { user_id: crypto.randomUUID() }],
  ])("cannot change %s", async (_, change) => {
    const before = await stored(expense);
    const { error } = await rest(ann).from("expenses").update(change).eq("id", expense);
    expect(error).toMatchObject({ code: "42501" });
    expect(await stored(expense)).toEqual(before);
  });

  test.each(["version", "created_at", "updated_at"])("cannot set %s on insert", async (column) => {
    const given = column === "version" ? 1 : "2001-01-01T00:00:00Z";
    const { error } = await rest(ann)
      .from("expenses")
      .insert(row(ann, { [column]: given }));
    expect(error).toMatchObject({ code: "42501" });
  });

  test("cannot change by an upsert what an update may not", async () => {
    const { error } = await rest(ann)
      .from("expenses")
      .upsert({ ...row(ann), id: expense, create_hash: "x" }, { onConflict: "user_id,id" });
    expect(error).toMatchObject({ code: "42501" });
  });

  test("gets a new version and a tombstone for whatever they do", async () => {
    const mine = row(ann);
    await rest(ann).from("expenses").insert(mine);
    const [inserted] = await stored(mine.id);
    await rest(ann).from("expenses").update({ description: "changed" }).eq("id", mine.id);
    const [updated] = await stored(mine.id);
    expect(Number(inserted?.version) % 8).toBe(1);
    expect(Number(updated?.version)).toBeGreaterThan(Number(inserted?.version));
    await rest(ann).from("expenses").delete().eq("id", mine.id);
    const tombstones = await supabase.sql("select version from switchyard.tombstones where id = $1", [mine.id]);
    expect(Number(tombstones[0]?.version)).toBeGreaterThan(Number(updated?.version));
  });
});

describe("search", () => {
  const contact = (user: TestUser, more: object) => ({ user_id: user.id, id: crypto.randomUUID(), name: "n", ...more });
  const found = async (user: TestUser, q: string) => {
    const query = { filters: [], sort: { field: "name", direction: "asc" }, limit: 200, q } as const;
    return value(await records(user).repository(collections.contacts).list(query)).items.map(({ name }) => name);
  };

  test("finds what a user has written over REST, and as it is after a change", async () => {
    const mine = contact(ann, { name: "İnş", note: "Crème brûlée" });
    const { error } = await rest(ann).from("contacts").insert(mine);
    expect(error).toBeNull();
    for (const q of ["inş", "creme", "BRÛLÉE"]) expect(await found(ann, q)).toEqual(["İnş"]);
    await rest(ann).from("contacts").update({ note: "Straße" }).eq("id", mine.id);
    expect(await found(ann, "creme")).toEqual([]);
    expect(await found(ann, "STRASSE")).toEqual(["İnş"]);
    expect(await found(eve, "strasse")).toEqual([]);
  });

  test("looks into nothing that a user could have hidden", async () => {
    const hidden = { search_text: "secret" };
    const { error: inserted } = await rest(ann).from("contacts").insert(contact(ann, hidden));
    expect(inserted?.code).toMatch(/^(42501|428C9)$/);
    const mine = contact(ann, { name: "plain" });
    await rest(ann).from("contacts").insert(mine);
    const { error: updated } = await rest(ann).from("contacts").update(hidden).eq("id", mine.id);
    expect(updated?.code).toMatch(/^(42501|428C9)$/);
    const { error: gone } = await rest(ann).from("contacts").update({ note_folded: "secret" }).eq("id", mine.id);
    expect(gone?.code).toMatch(/^(42703|PGRST204)$/);
    expect(await found(ann, "secret")).toEqual([]);
    const { data } = await rest(ann).from("contacts").select("search_text").eq("id", mine.id);
    expect(data).toEqual([{ search_text: "plain" }]);
  });

  test.each(["\uFDFA", "㍿", "ß", "日"])("a note of %s makes a row of a small multiple", async (sign) => {
    const note = sign.repeat(2_000);
    const mine = contact(ann, { note, phone: note });
    expect((await rest(ann).from("contacts").insert(mine)).error).toBeNull();
    const [size] = await supabase.sql<{ text: number; search: number; own: number }>(
      `select octet_length(to_jsonb(c)::text) as text, octet_length(c.search_text) as search,
         octet_length(c.note) + octet_length(c.phone) as own from public.contacts c where c.id = $1`,
      [mine.id],
    );
    expect(size?.own).toBe(2 * Buffer.byteLength(note));
    expect(Number(size?.search)).toBeLessThan(2.5 * Number(size?.own) + 1_000);
    expect(Number(size?.text)).toBeLessThan(3.5 * Number(size?.own) + 1_000);
  });
});

describe("a user at home in MongoDB", () => {
  test("can write and sees nothing here", async () => {
    const { error } = await rest(mo).from("expenses").insert(row(mo));
    expect(error).toMatchObject({ code: "42501" });
    const mine = records(mo).repository(collections.expenses);
    expect(await mine.create(spent())).toMatchObject({ error: { code: "forbidden" } });
    expect(value(await mine.count({ filters: [] }))).toBe(0);
  });

  test("cannot see, change or delete what was left here before a move", async () => {
    await supabase.sql(
      `insert into public.expenses (user_id, id, amount, currency, date) values ($1, $2, 1, 'EUR', '2026-01-01')`,
      [mo.id, crypto.randomUUID()],
    );
    expect((await rest(mo).from("expenses").select("id")).data).toEqual([]);
    expect(
      (await rest(mo).from("expenses").update({ description: "x" }).eq("user_id", mo.id).select("id")).data,
    ).toEqual([]);
    expect((await rest(mo).from("expenses").delete().eq("user_id", mo.id).select("id")).data).toEqual([]);
  });
});

describe("functions", () => {
  test("of switchyard can be called by none of the API's roles, but what checks and policies call", async () => {
    const rows = await supabase.sql<{ line: string }>(
      `select r.role || ' ' || p.proname as line from (values ('anon'), ('authenticated')) r(role), pg_proc p
       where p.pronamespace = 'switchyard'::regnamespace and has_function_privilege(r.role, p.oid, 'execute') order by 1`,
    );
    expect(rows.map(({ line }) => line)).toEqual([
      "authenticated are_tags",
      "authenticated currency_decimals",
      "authenticated currency_end",
      "authenticated fits_currency",
      "authenticated fold",
      "authenticated is_email",
      "authenticated is_here",
      "authenticated is_home",
      "authenticated is_json",
      "authenticated is_let_in",
      "authenticated is_text",
      "authenticated is_web_address",
      "authenticated ledger_owner",
      "authenticated memberships",
    ]);
  });

  test("for records run with the caller's rights and are not for strangers", async () => {
    const rows = await supabase.sql<{ proname: string; prosecdef: boolean; anon: boolean; proconfig: string[] | null }>(
      `select p.proname, p.prosecdef, p.proconfig, has_function_privilege('anon', p.oid, 'execute') as anon from pg_proc p
       where p.pronamespace = 'public'::regnamespace and p.proname like 'records\\_%'`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(8);
    for (const { proname, prosecdef, anon, proconfig } of rows) {
      expect([proname, prosecdef, anon]).toEqual([proname, false, false]);
      expect(proconfig).toContain('search_path=""');
    }
  });
});
