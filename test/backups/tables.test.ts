/** Every table of Supabase's Postgres is decided about: it is in a backup, or it is said why not. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { TABLES } from "../../shared/backups/tables.ts";
import { allCollections } from "../../shared/collections/index.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";

let supabase: TestSupabase;
beforeAll(async () => {
  supabase = await startTestSupabase();
});
afterAll(() => supabase?.stop());

test("no table is forgotten, and none is decided about that is not there", async () => {
  const rows = await supabase.sql(
    `select schemaname || '.' || tablename as name from pg_tables where schemaname in ('public', 'switchyard') order by 1`,
  );
  const lines = new Set([...allCollections.map(({ name }) => `public.${name}`), "public.switchyard_test_database"]);
  const there = rows.map(({ name }) => String(name)).filter((name) => !lines.has(name));
  const decided = Object.keys(TABLES).filter((name) => !name.startsWith("auth."));
  expect(there).toEqual(decided.sort());
});
