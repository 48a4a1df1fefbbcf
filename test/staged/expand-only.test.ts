/** What migrations take away, found by Postgres's own parser; and what is said of those that are there. */
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { offencesIn } from "../../scripts/deploy/expand-only.ts";
import { secretsIn } from "../../scripts/deploy/secrets.ts";
import { LIMITS, whyBack } from "../../scripts/deploy/watch.ts";

const found = async (text: string) => (await offencesIn("m.sql", text)).map(({ line, what }) => `${line} ${what}`);

describe("a migration", () => {
  test.each([
    ["drop table public.a, s.b;", ["1 drops the table a", "1 drops the table s.b"]],
    ["-- é\n\nalter table a drop column b;", ["3 drops the column a.b"]],
    ["alter table a alter b type bigint;", ["1 changes the type of a.b"]],
    ["alter table a alter b set not null;", ["1 sets a.b not null"]],
    ["alter table a alter b drop default;", ["1 drops the default of a.b"]],
    ["alter table a\n  add column b int not null;", ["2 adds a.b, not null and without a default"]],
    ["alter table a rename b to c; alter table a rename to d;", ["1 renames a.b to c", "1 renames a to d"]],
    ["truncate a;", ["1 empties a"]],
    [
      "drop view v; drop type t; drop schema s cascade;",
      ["1 drops the view v", "1 drops the type t", "1 drops the schema s"],
    ],
    ["do $$\nbegin\n  drop table a;\nend $$;", ["3 drops the table a"]],
    [
      "do $$\nbegin\n  execute format('drop table %I', 'a');\nend $$;",
      ["3 executes what takes away: format('drop table %I', 'a')"],
    ],
    ["selec 1;", ['1 cannot be read: syntax error at or near "selec"']],
  ])("%s", async (text, expected) => expect(await found(text)).toEqual(expected));

  test.each([
    "create table a (id int); alter table a drop column id; drop table a;",
    "alter table a add column b int not null default 0, add column c int; alter table a alter c set not null;",
    "alter table a add column b int generated always as identity not null;",
    "drop index i; drop trigger t on a; drop policy p on a; drop function f(int); alter table a drop constraint c;",
    "-- drop table a\ncomment on table a is 'drop table a';",
    "create function f() returns void language sql as 'drop table a';",
    "alter index i rename to j;",
  ])("may: %s", async (text) => expect(await found(text)).toEqual([]));
});

test("of the migrations that are there, two take away: a table of tasks, and a column that is computed anew", async () => {
  const folder = new URL("../../supabase/migrations/", import.meta.url);
  const files = (await readdir(folder)).sort().filter((file) => file < "20261205");
  const all = await Promise.all(
    files.map(async (file) => offencesIn(file, await readFile(new URL(file, folder), "utf8"))),
  );
  expect(all.flat().map(({ file, line, what }) => `${file}:${line} ${what.slice(0, 40)}`)).toEqual([
    "20261127000160_purge_queue.sql:130 drops the table switchyard.purge_tasks",
    expect.stringMatching(/^20261128000110_search_text.sql:38 executes what takes away/),
  ]);
});

describe("a new version is kept", () => {
  const look = (ok: boolean, ms = 10) => ({ ok, ms, says: ok ? "" : "answers 500" });
  const looks = (count: number, ms = 10) => Array.from({ length: count }, () => look(true, ms));
  const of = (seen: ReturnType<typeof look>[], over = {}) =>
    whyBack({ looks: seen, baselineMs: 20, errors: null, ...over });

  test("while it answers as the old one did", () => expect(of(looks(50))).toBeNull());
  test("with single failures among many", () => expect(of([...looks(25), look(false), ...looks(4)])).toBeNull());
  test("not after three in a row", () =>
    expect(of([...looks(9), look(false), look(false), look(false)])).toContain("in a row"));
  test("not when more than one in twenty fails", () =>
    expect(of([look(false), ...looks(9), look(false), ...looks(9)])).toContain("2 of 20"));
  test("not when it is three times as slow, and by a second", () => {
    expect(of(looks(LIMITS.medianOf, 1_019))).toBeNull();
    expect(of(looks(LIMITS.medianOf, 1_021))).toContain("1021 ms");
    expect(of(looks(LIMITS.medianOf, 2_900), { baselineMs: 1_000 })).toBeNull();
    expect(of(looks(LIMITS.medianOf, 9_000), { baselineMs: null })).toBeNull();
  });
  test("not when users' requests end in 5xx", () => {
    expect(of(looks(10), { errors: { requests: 100, errors: 2 } })).toBeNull();
    expect(of(looks(10), { errors: { requests: 100, errors: 3 } })).toContain("3 of 100 requests");
    expect(of(looks(10), { errors: { requests: 10, errors: 10 } })).toBeNull();
  });
});

test("secrets are keys, passwords, and URLs with one; not what browsers are given", () =>
  expect(
    secretsIn({
      SUPABASE_URL: "https://x.supabase.co",
      SUPABASE_PUBLISHABLE_KEY: "sb_publishable_x",
      SUPABASE_SECRET_KEY: "sb_secret_x",
      MONGODB_URI: "mongodb://u:p%40ssword@h/d",
      DATABASE_NEON: "postgres://u:another@h/d",
      LOG_LEVEL: "info",
    }),
  ).toEqual([
    ["SUPABASE_SECRET_KEY", "sb_secret_x"],
    ["MONGODB_URI", "mongodb://u:p%40ssword@h/d"],
    ["MONGODB_URI", "p%40ssword"],
    ["MONGODB_URI", "p@ssword"],
    ["DATABASE_NEON", "postgres://u:another@h/d"],
    ["DATABASE_NEON", "another"],
  ]));
