/** What a Postgres that is reached directly says of its tables: counted while that is cheap, then its own estimate. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { postgresDatabase } from "../../shared/postgres/direct/database.ts";
import { COUNTED_EXACTLY, type Database } from "../../shared/repository/database.ts";
import { type DataPlane, startDataPlane } from "../setup/data-plane.ts";
import { PATIENT_DEADLINES } from "../setup/patience.ts";
import { NEON } from "../setup/repositories.ts";

const OWNER = "22222222-2222-4222-8222-222222222222";
const MANY = COUNTED_EXACTLY + 20_000;
const contacts = allCollections.filter(({ name }) => name === "contacts");

const deadlines = deadlinesOf(PATIENT_DEADLINES);

let plane: DataPlane;
let database: Database;
beforeAll(async () => {
  plane = await startDataPlane();
  database = postgresDatabase({
    ...NEON,
    title: NEON.name,
    url: plane.url,
    collections: contacts,
    deadlines,
    appName: "test",
  });
  await plane.sql("select public.switchyard_set_quotas(null, null)");
});
afterAll(async () => {
  await database?.close();
  await plane?.stop();
});

const count = (limitMs: number = PATIENT_DEADLINES.REQUEST_DEADLINE_MS) => database.system.count(contacts, limitMs);
const fill = (many: number) =>
  plane.sql(
    "insert into public.contacts (user_id, id, name) select $1, gen_random_uuid(), 'n' from generate_series(1, $2::int)",
    [OWNER, many],
  );

test("counted up to 100,000; of more what the last analyze saw, and when that was", async () => {
  await fill(3);
  expect(await count()).toEqual({ counts: { contacts: 3 }, estimated: {} });
  await fill(MANY);
  const before = Date.now();
  await plane.sql("analyze public.contacts");
  const { counts, estimated } = await count();
  // an estimate of 120,000 is not the 100,001 rows that were looked at
  expect(counts.contacts).toBeGreaterThan(MANY * 0.9);
  expect(counts.contacts).toBeLessThan(MANY * 1.2);
  expect(Object.keys(estimated)).toEqual(["contacts"]);
  expect(Date.parse(estimated.contacts ?? "")).toBeGreaterThan(before - 60_000);
});

test("null where no time is left", async () => {
  expect(await count(0)).toEqual({ counts: { contacts: null }, estimated: {} });
});
