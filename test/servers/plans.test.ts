/** No read looks at other people's records: decided by the plans of what the record functions really run. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { reads, scansOf } from "./plans.ts";

const OWN = 2_000;
const OTHERS = 20_000;

let database: OwnDatabase;
let user: TestUser;
let middle: { id: string; key: string; date: string };

beforeAll(async () => {
  database = await startOwnDatabase();
  user = await newUser({ home: "supabase", on: database });
  // a hundred records of a user share each moment, as after an import: a page in the middle has to start among them
  await database.sql(`do $$ begin
    alter table public.expenses disable trigger switchyard_stamp;
    insert into public.expenses (user_id, id, amount, currency, date, version, created_at, updated_at)
      select case when n <= ${OWN} then '${user.id}' else gen_random_uuid() end, gen_random_uuid(), n,
        (array['EUR', 'USD'])[n % 2 + 1], date '2026-01-01' - n % 700, n,
        timestamptz '2026-01-01Z' + n / 100 * interval '1 minute', now()
      from generate_series(1, ${OWN} + ${OTHERS}) n;
    alter table public.expenses enable always trigger switchyard_stamp;
  end $$`);
  await database.sql("vacuum analyze public.expenses");
  const [row] = await database.sql<{ id: string; key: string; date: string }>(
    `select id, date::text as date, to_json(created_at) #>> '{}' as key from public.expenses
     where user_id = $1::uuid order by created_at, id offset $2::int limit 1`,
    [user.id, OWN / 2],
  );
  if (!row) throw new Error("no records");
  middle = row;
});
afterAll(() => database?.stop());

test.each(
  ["get", "list-20", "next page", "next page by day", "count with a filter"].flatMap((what) => [
    what,
    `${what} without REST`,
  ]),
)("%s reads the user's own records only, from an index that begins with the owner", async (what) => {
  const read = reads(user.id, middle.id, middle).find((one) => one.what === what);
  if (!read) throw new Error(what);
  const scans = await scansOf(database.adminUrl, user.id, "expenses", read.statement, read.parameters);
  expect(scans.length).toBeGreaterThan(0);
  expect(scans.filter(({ index, condition }) => !index || !/\buser_id = /.test(condition))).toEqual([]);
  const rows = scans.reduce((sum, scan) => sum + scan.rows, 0);
  expect(rows).toBeLessThanOrEqual(read.limit === "own" ? OWN : read.limit);
});
