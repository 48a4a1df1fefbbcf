/** Races that need two connections at once: PGlite has one. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { servers } from "../setup/servers.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";
import { untilBlocked } from "./blocked.ts";

let supabase: RunningSupabase;
let owner: string;
let sql: postgres.Sql;

beforeAll(async () => {
  supabase = await startTestSupabase();
  owner = (await newUser({ home: "supabase", on: supabase })).id;
  sql = postgres(servers().adminDbUrl, { max: 4, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end();
  await supabase?.stop();
});

const record = (id: string) => ({ user_id: owner, id, name: "Rent", kind: "expense" });
const create = (id: string, more: object = {}) =>
  sql`select public.records_create('categories', ${JSON.stringify({ ...record(id), ...more })}, '["id", "version"]') as answer`;

/** A record whose version is ahead of the clock, so that the clock alone keeps nobody above it. */
async function createAhead(): Promise<{ id: string; version: number }> {
  const id = crypto.randomUUID();
  await create(id);
  await sql`delete from public.categories where id = ${id}`;
  await sql`update switchyard.tombstones set version = version + 8000000000 where id = ${id}`;
  const [made] = await create(id);
  return { id, version: Number(made?.answer.record.version) };
}

/** Deletes the record, and commits only when `meanwhile` waits for it. */
async function whileDeleting<T>(id: string, meanwhile: () => Promise<T>): Promise<T> {
  let waiting: Promise<T> | undefined;
  await sql.begin(async (deleter) => {
    await deleter`delete from public.categories where id = ${id}`;
    waiting = Promise.resolve(meanwhile());
    waiting.catch(() => undefined);
    await untilBlocked(sql, deleter);
  });
  return waiting as Promise<T>;
}

test("a create that waits for the deletion of its id gets a version above the tombstone's", async () => {
  const { id, version } = await createAhead();
  const [answer] = await whileDeleting(id, () => create(id));
  // the tombstone's was 8 above the record's
  expect(Number(answer?.answer.record.version)).toBe(version + 16);
});

test("a plain insert in the same place is refused as a serialization failure", async () => {
  const { id } = await createAhead();
  await expect(whileDeleting(id, () => sql`insert into public.categories ${sql(record(id))}`)).rejects.toMatchObject({
    code: "40001",
  });
});

test("a repeated create that waits for the deletion does not bring the record back", async () => {
  const id = crypto.randomUUID();
  await create(id, { create_hash: "h" });
  const [answer] = await whileDeleting(id, () => create(id, { create_hash: "h" }));
  expect(answer?.answer).toMatchObject({ error: "SY410" });
  expect(await sql`select 1 from public.categories where id = ${id}`).toHaveLength(0);
});
