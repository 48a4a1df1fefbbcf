/**
 * What stands between one user and another where the product itself speaks to Postgres: the role, the claims, and that
 * no value is ever read as SQL. On one connection, which all of them use one after the other.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { collections } from "../../shared/collections/index.ts";
import type { Filter } from "../../shared/contract/query.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { type Claims, claimsOf } from "../../shared/postgres/direct/claims.ts";
import { createPostgresConnection, type PostgresConnection } from "../../shared/postgres/direct/connection.ts";
import { type Sql, sql } from "../../shared/postgres/direct/sql.ts";
import { deleteRow, getRow, insertRow, listRows, updateRow } from "../../shared/postgres/direct/statements.ts";
import { createDirectStore } from "../../shared/postgres/direct/store.ts";
import { directOwner } from "../contract/postgres-direct-store.ts";
import { outcome, value } from "../contract/store.ts";
import { any, byName, create, every, ownerField } from "../contract/suite/samples.ts";
import { servers } from "../setup/servers.ts";
import { startOwn } from "../setup/start-supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let connection: PostgresConnection;
let ann: TestUser;
let eve: TestUser;
/** at home in MongoDB */
let mo: TestUser;
beforeAll(async () => {
  supabase = await startOwn({ passwordCost: 4 });
  connection = createPostgresConnection(servers().dbUrl, { appName: "switchyard-attack", maxPoolSize: 1 });
  [ann, eve] = [await newUser({ home: "supabase", on: supabase }), await newUser({ home: "supabase", on: supabase })];
  mo = await newUser({ home: "mongodb", on: supabase });
});
afterAll(async () => {
  await connection?.close();
  await supabase?.stop();
});

const claims = ({ id, home }: TestUser): Claims => claimsOf(id, home, 1);
const spent = { amount: "1.50", currency: "EUR", date: "2026-03-14" };
const expenses = (user: TestUser) => directOwner(connection, user).repository(collections.expenses);

/** As whom the connection's next statement would run, if it did not say so itself. */
const SESSION = `select pg_backend_pid() as pid, current_user::text, current_setting('role') as role,
  nullif(current_setting('request.jwt.claims', true), '') as claims,
  nullif(current_setting('request.jwt.claim.sub', true), '') as sub,
  current_setting('statement_timeout') as timeout, current_setting('timezone') as zone,
  current_setting('datestyle') as datestyle`;

describe("what a call sets ends with it", () => {
  const categories = (user: TestUser) => directOwner(connection, user).repository(collections.categories);
  const endings: [string, () => Promise<string>][] = [
    ["an answer", async () => outcome(await expenses(ann).count({ filters: [] }))],
    ["nothing found", async () => outcome(await expenses(ann).get(crypto.randomUUID()))],
    [
      "a duplicate",
      async () => {
        const { id } = value(await expenses(ann).create(spent));
        return outcome(await expenses(ann).create({ ...spent, id }));
      },
    ],
    [
      "a missing reference",
      async () => outcome(await expenses(ann).create({ ...spent, category_id: crypto.randomUUID() })),
    ],
    [
      "a reference in the way",
      async () => {
        const { id } = value(await categories(ann).create({ name: crypto.randomUUID(), kind: "expense" }));
        value(await expenses(ann).create({ ...spent, category_id: id }));
        return outcome(await categories(ann).delete(id));
      },
    ],
    ["a refusal by row-level security", async () => outcome(await expenses(mo).create(spent))],
    ["a bug", () => thrown(sql`select 1 / 0 from nowhere`)],
    ["a mistake in the middle of rows", () => thrown(sql`select 1 / (3 - n) from generate_series(1, 5) n`)],
  ];
  const thrown = (statement: Sql) =>
    connection.run(claims(ann), statement).then(
      () => "ok",
      (error) => String(error.code),
    );

  test.each(endings)("after %s", async (_, end) => {
    const before = await connection.query(SESSION);
    expect(before).toMatchObject([{ current_user: "postgres", role: "none", claims: null, sub: null }]);
    const ended = await end();
    // the same connection, as it was
    expect(await connection.query(SESSION)).toEqual(before);
    expect(ended).toMatch(/^(ok|not_found|duplicate|invalid_reference|referenced|forbidden|moved|42P01|22012)$/);
  });

  test("after a statement that took too long, which the server itself has ended", async () => {
    const limited = createPostgresConnection(servers().dbUrl, {
      appName: "switchyard-attack",
      maxPoolSize: 1,
      deadlines: { ...deadlinesOf(), queryMs: 50 },
    });
    const before = await limited.query(SESSION);
    await expect(limited.run(claims(ann), sql`select pg_sleep(600)`)).rejects.toMatchObject({ code: "57014" });
    expect(await limited.query(SESSION)).toEqual(before);
    await limited.close();
  });

  test("in calls that come together, each is its own user's", async () => {
    const many = createPostgresConnection(servers().dbUrl, { appName: "switchyard-attack", maxPoolSize: 3 });
    const users = [ann, eve, mo];
    const asked = Array.from({ length: 90 }, (_, index) => users[index % 3] as TestUser);
    const whoami = sql`select current_user, auth.uid(), current_setting('request.jwt.claims')::json ->> 'sub'`;
    const answers = await Promise.all(
      asked.map(async (user, index) => {
        // every other one fails first
        if (index % 2) await many.run(claims(user), sql`select 1 / 0`).catch(() => undefined);
        return (await many.run(claims(user), whoami)).rows[0];
      }),
    );
    expect(answers).toEqual(asked.map(({ id }) => ["authenticated", id, id]));
    await many.close();
  });

  test("what somebody else has left in the session speaks for nobody", async () => {
    await connection.query(`select set_config('request.jwt.claim.sub', $1, false)`, [ann.id]);
    await connection.query(
      `select set_config('datestyle', 'German', false), set_config('timezone', 'Asia/Tokyo', false)`,
    );
    const { rows } = await connection.run(claims(eve), sql`select auth.uid(), '2026-03-14T00:00:00Z'::timestamptz`);
    expect(rows).toEqual([[eve.id, "2026-03-14 00:00:00+00"]]);
    await connection.query("discard all");
  });
});

/** Whatever ends a literal, an array, a statement or a line, or means something inside one. */
const HOSTILE = [
  "'",
  "''",
  "\\",
  "\\'",
  "'; reset role; drop table public.expenses; --",
  "\\'; select pg_sleep(600); --",
  "') or true --",
  "' || current_setting('role') || '",
  "$$; drop table public.expenses; $$",
  "E'\\x27'",
  "/* */ -- \n ;",
  '"},{"',
  '","',
  "{}",
  "NULL",
  "\u2019\uff07\u02bc",
  "%I %L $1 :a @b",
  // not at the ends, where spaces are taken off
  "😀\u202e\t\r\n!",
];

describe("values stay values", () => {
  test.each(HOSTILE)("%j in every field, filter, search, cursor and key", async (text) => {
    const hash = { idempotencyHash: text };
    const body = {
      ...spent,
      description: text,
      payment_method: `${text}${text}`,
      tags: [...new Set([text, "NULL", "a,b"])],
    };
    const made = value(await expenses(ann).create(body, hash));
    expect(value(await expenses(ann).get(made.id))).toEqual({ ...made, ...body });
    expect(value(await expenses(ann).create({ ...body, id: made.id }, hash))).toEqual(made);
    const changed = value(await expenses(ann).update(made.id, { description: `${text}!`, tags: [text] }));
    expect(changed).toMatchObject({ description: `${text}!`, tags: [text] });
    const filters: Filter[] = [{ field: "payment_method", operator: "eq", value: body.payment_method }];
    const found = value(
      await expenses(ann).list({
        filters,
        ...(text.trim() && { q: text }),
        sort: { field: "description", direction: "asc" },
        limit: 1,
      }),
    );
    expect(found.items).toEqual([changed]);
    value(await expenses(ann).create(body));
    const page = { filters, sort: { field: "description", direction: "desc" }, limit: 1 } as const;
    const first = value(await expenses(ann).list(page));
    const second = value(await expenses(ann).list({ ...page, cursor: String(first.next_cursor) }));
    expect([...first.items, ...second.items].map(({ description }) => description)).toEqual([`${text}!`, text]);
    expect(value(await expenses(ann).count({ filters }))).toBe(2);
    expect(value(await expenses(ann).summarize({ filters, by: "payment_method" }))).toMatchObject([
      { key: body.payment_method, count: 2 },
    ]);
  });

  test.each(["on", "off"])("any text comes back as it was, with standard_conforming_strings %s", async (setting) => {
    const url = new URL(servers().dbUrl);
    url.searchParams.set("options", `-c standard_conforming_strings=${setting} -c escape_string_warning=off`);
    const odd = createPostgresConnection(url.href, { appName: "switchyard-attack", maxPoolSize: 1 });
    const hostile = fc.string({
      unit: fc.constantFrom("'", "\\", '"', ",", "{", "}", ";", "-", "$", "\n", "n", "é", "😀"),
    });
    const storable = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0") && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(hostile, storable), { maxLength: 4 }), async (texts) => {
        const [first = ""] = texts;
        const asked = sql`select ${first}::text, to_json(${texts}::text[]), ${-1}::int - ${-1}::int`;
        const { rows } = await odd.run(claimsOf(ann.id, first, 1), asked);
        expect([rows[0]?.[0], JSON.parse(String(rows[0]?.[1])), rows[0]?.[2]]).toEqual([first, texts, "0"]);
      }),
      { numRuns: 300 },
    );
    await odd.close();
  });

  test.each(HOSTILE)("%j in a claim", async (text) => {
    const odd = claimsOf(ann.id, text, 1);
    const { rows } = await connection.run(
      odd,
      sql`select auth.uid(), current_setting('request.jwt.claims')::jsonb #>> '{app_metadata,home}', current_user`,
    );
    expect(rows).toEqual([[ann.id, text, "authenticated"]]);
  });
});

describe.each(every)("%s of somebody else", (table) => {
  test("are not read, written, changed or removed, whatever a statement names", async () => {
    const collection = byName(table);
    const { id, ...record } = await create(directOwner(connection, ann), table);
    const kept = await belongings(table);
    const run = (who: TestUser, statement: Sql) =>
      connection.run(claims(who), statement).then(
        ({ count }) => count,
        (error) => error.code,
      );
    const fields = Object.fromEntries(Object.keys(collection.fields).map((field) => [field, record[field]]));
    for (const who of [eve, mo]) {
      const page = { filters: [], order: [{ field: "id", direction: "asc" }], limit: 200 } as const;
      expect(await run(who, getRow(collection, ann.id, id))).toBe(0);
      expect(await run(who, listRows(collection, ann.id, page))).toBe(0);
      expect(await run(who, updateRow(collection, ann.id, id, {}, null))).toBe(0);
      expect(await run(who, deleteRow(collection, ann.id, id, null))).toBe(0);
      for (const taken of [id, crypto.randomUUID()])
        expect(await run(who, insertRow(collection, { [ownerField(table)]: ann.id, id: taken, ...fields }))).toBe(
          "42501",
        );
    }
    // nor by their own store, which can only name their own
    const theirs = any(directOwner(connection, eve), table);
    expect(outcome(await theirs.get(id))).toBe("not_found");
    expect(outcome(await theirs.update(id, {}))).toBe("not_found");
    expect(outcome(await theirs.delete(id))).toBe("not_found");
    expect(await belongings(table)).toEqual(kept);
  });

  const belongings = (name: string) =>
    supabase.sql(`select to_jsonb(t)::text as row from public.${name} t where ${ownerField(name)} = $1 order by 1`, [
      ann.id,
    ]);
});

describe("a user at home elsewhere", () => {
  test("leaves nothing here and finds nothing, whatever their claims say", async () => {
    for (const [home, wrote, found] of [
      ["mongodb", "forbidden", "[]"],
      [undefined, "forbidden", "[]"],
      // told, because an empty answer would look like lost data
      ["supabase", "moved", "moved"],
    ] as const) {
      const store = createDirectStore({ connection, claims: claimsOf(mo.id, home, 9), all: new Map() });
      const id = crypto.randomUUID();
      expect(outcome(await store.create(collections.contacts, id, { name: "Mina" }))).toBe(wrote);
      expect(outcome(await store.update(collections.contacts, id, { name: "Mina" }, 1))).not.toBe("ok");
      const page = { filters: [], order: [{ field: "id", direction: "asc" }], limit: 10 } as const;
      const listed = await store.list(collections.contacts, page);
      expect(listed.isOk() ? JSON.stringify(listed.value) : listed.error.code).toBe(found);
    }
    expect(await supabase.sql("select id from public.contacts where user_id = $1", [mo.id])).toEqual([]);
  });
});

test("the system's tables and functions are nobody's", async () => {
  const all = await connection.query(
    `select p.oid::regprocedure::text as name from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'switchyard'::regnamespace)
       and has_function_privilege('authenticated', p.oid, 'execute') order by 1`,
  );
  expect(
    all
      .map(({ name }) => String(name))
      .filter((name) => !/^(records_|switchyard\.(is_home|is_here|is_let_in|memberships|ledger_owner)\()/.test(name))
      // the checks and the search texts of the tables: of the values they are given, and nothing else
      .filter(
        (name) =>
          !/^switchyard\.(are_tags|is_text|is_email|is_web_address|is_json|fold|currency_(decimals|end)|fits_currency)\(/.test(
            name,
          ),
      ),
  ).toEqual([]);
  for (const table of [
    ...[sql`tombstones`, sql`databases`, sql`collections`],
    ...[
      sql`marks`,
      sql`replication`,
      sql`replication_failures`,
      sql`apply_secret`,
      sql`conflicts`,
      sql`replication_received`,
      sql`replication_attendance`,
      sql`placements`,
    ],
  ])
    await expect(connection.run(claims(ann), sql`select * from switchyard.${table}`)).rejects.toMatchObject({
      code: "42501",
    });
});
