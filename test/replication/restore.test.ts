/** What Supabase has lost comes back from the copy, exactly. */
import { UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { restore } from "../../shared/replication/restore.ts";
import { value } from "../contract/store.ts";
import { copied } from "./collections.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
beforeAll(async () => {
  system = await startReplication();
});
afterAll(() => system?.stop());

const rows = (name: string) => system.sql(`select * from public.${name} order by id`);
const run = async (dryRun = false) =>
  value(await restore({ source: system.source, mongo: system.mongo, collections: copied, limit: 7, dryRun }));
/** As a crash of the disk, or a backup that was restored, leaves it: no trigger has seen anything. */
const lose = async (lost = { parcels: "true", senders: "true" }) => {
  for (const name of ["parcels", "senders"] as const) {
    const triggers = await system.sql(
      `select tgname from pg_trigger where tgrelid = 'public.${name}'::regclass and tgname like 'switchyard%'`,
    );
    await system.sql(`alter table public.${name} disable trigger user`);
    try {
      await system.sql(`delete from public.${name} where ${lost[name]}`);
    } finally {
      for (const { tgname } of triggers) await system.sql(`alter table public.${name} enable always trigger ${tgname}`);
    }
  }
};

beforeEach(async () => {
  await system.sql("delete from public.parcels");
  await system.sql("delete from public.senders");
  await system.fill(20);
  await system.sql(
    `insert into public.parcels (clerk_id, id, sender_id, price, currency, create_hash)
     select clerk_id, gen_random_uuid(), id, 12.3456, 'CLF', 'hash ' || id from public.senders`,
  );
  await system.sql(
    "delete from public.parcels where sender_id in (select id from public.senders where name like '%5')",
  );
  await system.drain();
});

test("an empty database gets every row back as it was, its tombstones, and nothing is left to be copied", async () => {
  const before = [await rows("senders"), await rows("parcels")];
  const graves = await system.sql(
    "select id, version, seen from switchyard.tombstones where seen is not null order by id",
  );
  await lose();
  await system.sql("delete from switchyard.tombstones where seen is not null");
  await system.sql("delete from switchyard.replication_claims");
  const planned = (await run(true)).map(({ restored }) => restored);
  expect(await rows("senders")).toEqual([]);
  expect((await run()).map(({ restored }) => restored)).toEqual(planned);
  expect([await rows("senders"), await rows("parcels")]).toEqual(before);
  expect(
    await system.sql("select id, version, seen from switchyard.tombstones where seen is not null order by id"),
  ).toEqual(graves);
  expect(value(await system.source.status()).pending).toBe(0);
  expect(await system.verify()).toEqual([]);
  // and life goes on: versions rise from what was restored
  await system.sql("update public.senders set name = name || '!'");
  await system.drain();
  expect(await system.verify()).toEqual([]);
});

test("of a damaged one only what is lost comes back, and what is newer here stays", async () => {
  await lose({ parcels: "hashtext(sender_id::text) % 2 = 0", senders: "hashtext(id::text) % 2 = 0" });
  await system.sql("update public.senders set name = 'Newer here' where id = (select id from public.senders limit 1)");
  const newer = await rows("senders");
  await run();
  expect(await rows("senders")).toEqual(expect.arrayContaining(newer));
  expect(await rows("senders")).toHaveLength(20);
  await system.drain();
  expect(await system.verify()).toEqual([]);
  expect((await run()).map(({ restored }) => restored)).toEqual([0, 0, 0]);
});

test("a child whose parent is not there is refused by name, and nothing else waits for it", async () => {
  const [parcel] = await system.sql("select id, sender_id from public.parcels limit 1");
  await lose();
  await system.replica.collection("senders").deleteOne({ _id: new UUID(String(parcel?.sender_id)) as never });
  const [senders, parcels] = await run();
  expect(senders?.refused).toEqual([]);
  expect(parcels?.refused).toEqual([{ id: parcel?.id, error: expect.stringContaining("foreign key") }]);
});

test("nobody can say by a setting that rows are to be taken as they are", async () => {
  await system.sql(`do $$ begin
    perform set_config('switchyard.applying', 'guess', true);
    update public.senders set version = 9000000000000001, seen = '{"1": 9000000000000001}';
  end $$`);
  const [row] = await system.sql("select max(version) as version from public.senders");
  expect(Number(row?.version)).toBeLessThan(9_000_000_000_000_001);
});
