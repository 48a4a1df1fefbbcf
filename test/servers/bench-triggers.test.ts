/** The benchmark loads rows past their triggers: afterwards each fires as before, also where loading failed. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadPostgres } from "../../bench/records.ts";
import { withoutTriggers } from "../../bench/without-triggers.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser } from "../setup/users.ts";

let supabase: OwnDatabase;
let sql: postgres.Sql;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  sql = postgres(supabase.ownerUrl, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await sql?.end();
  await supabase?.stop();
});

const triggers = () =>
  sql<{ name: string; fires: string }[]>`
    select tgname as name, tgenabled as fires from pg_trigger
    where tgrelid = 'public.expenses'::regclass and not tgisinternal order by tgname`;

test("every trigger of expenses fires as before", async () => {
  const before = await triggers();
  expect(new Set(before.map(({ fires }) => fires))).toEqual(new Set(["O", "A"]));
  const { id } = await newUser({ home: "supabase", on: supabase });
  await loadPostgres(sql, [id], 10);
  expect(await sql`select count(*)::int as count, max(version)::int as version from public.expenses`).toEqual([
    { count: 10, version: 10 },
  ]);
  expect(await triggers()).toEqual(before);
  const failing = withoutTriggers(sql, "public.expenses", (tx) => tx`select 1 / 0`);
  await expect(failing).rejects.toThrow("division by zero");
  expect(await triggers()).toEqual(before);
});
