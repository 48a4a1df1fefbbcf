/** Every change in Postgres, by whatever way it was made, reaches the copy, and nothing else does. */
import { Decimal128, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { applyRows } from "../../shared/replication/apply.ts";
import { value } from "../contract/store.ts";
import { senders } from "./collections.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
beforeAll(async () => {
  system = await startReplication();
});
afterAll(() => system?.stop());
beforeEach(async () => {
  await system.sql("delete from public.parcels");
  await system.sql("delete from public.senders");
  await system.drain();
});

const copies = (name = "senders") => system.replica.collection(name).find({ _deleted_at: null }).sort({ _id: 1 });
const pending = async () => value(await system.source.status()).pending;

test("a row is a document of the same names, with MongoDB's own types", async () => {
  const [sender = ""] = await system.fill(1);
  const [parcel = { id: "" }] = await system.sql(
    `insert into public.parcels (clerk_id, id, sender_id, price, currency, sent_at, note)
     values ($1, gen_random_uuid(), $2, 12.5, 'EUR', '2026-03-14T15:09:26.535Z', '$amount') returning id, version`,
    [system.clerk, sender],
  );
  await system.drain();
  const version = Number(parcel.version);
  expect(await copies("parcels").toArray()).toEqual([
    {
      _id: new UUID(String(parcel.id)),
      clerk_id: new UUID(system.clerk),
      sender_id: new UUID(sender),
      price: Decimal128.fromString("12.50"),
      currency: "EUR",
      sent_at: new Date("2026-03-14T15:09:26.535Z"),
      note: "$amount",
      version,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
      create_hash: null,
      _seen: { 1: version },
    },
  ]);
  expect(await system.verify()).toEqual([]);
});

describe("every way of writing", () => {
  test.each([
    ["one statement for many rows", "update public.senders set name = name || '!'"],
    ["a deletion", "delete from public.senders where name like '%1'"],
    ["truncate", "truncate public.senders cascade"],
    [
      "a session that replicates",
      "set session_replication_role = replica; update public.senders set labels = '{a}'; reset session_replication_role",
    ],
    [
      "an insert from a select",
      "insert into public.senders (clerk_id, id, name) select clerk_id, gen_random_uuid(), name || '2' from public.senders",
    ],
    [
      "a deletion and the same ids again",
      "create temp table kept as select clerk_id, id from public.senders; delete from public.senders; insert into public.senders (clerk_id, id, name) select clerk_id, id, 'Back' from kept; drop table kept",
    ],
  ])("%s", async (_, statement) => {
    await system.fill(25);
    await system.drain();
    for (const part of statement.split("; ")) await system.sql(part);
    expect(await pending()).toBeGreaterThan(0);
    await system.drain();
    expect(await pending()).toBe(0);
    expect(await system.verify()).toEqual([]);
    const [row] = await system.sql("select count(*) from public.senders");
    expect(await system.replica.collection("senders").countDocuments({ _deleted_at: null })).toBe(Number(row?.count));
  });

  test("a row that is deleted and made again has a version above its tombstone's", async () => {
    const [id = ""] = await system.fill(1);
    await system.sql("delete from public.senders where id = $1", [id]);
    await system.drain();
    const buried = await system.replica.collection("senders").findOne({ _id: new UUID(id) as never });
    expect(buried).toMatchObject({ _deleted_at: expect.any(Date), clerk_id: new UUID(system.clerk) });
    expect(buried).not.toHaveProperty("name");
    await system.sql("insert into public.senders (clerk_id, id, name) values ($1, $2, 'Again')", [system.clerk, id]);
    await system.drain();
    const [copy] = await copies().toArray();
    expect(copy).toMatchObject({ name: "Again" });
    expect(copy?.version).toBeGreaterThan(buried?.version);
  });

  test("a change that is rolled back leaves no mark", async () => {
    await system.sql(
      "do $$ begin update public.senders set name = 'x'; raise exception 'no'; exception when others then null; end $$",
    );
    expect(await pending()).toBe(0);
  });
});

test("a row that has changed ten times is copied once", async () => {
  await system.fill(3);
  for (let n = 0; n < 9; n++) await system.sql("update public.senders set name = name || 'x'");
  expect(value(await system.worker().run())).toMatchObject({ copied: 3, stale: 0 });
});

test("of several marks of a row compaction leaves the newest", async () => {
  await system.fill(3);
  for (let n = 0; n < 9; n++) await system.sql("update public.senders set name = name || 'x'");
  expect(value(await system.source.compact(0))).toMatchObject({ removed: 27 });
  expect(await pending()).toBe(3);
  await system.drain();
  expect(await system.verify()).toEqual([]);
});

test("four workers at once copy everything, and each row once", async () => {
  await system.fill(2_000);
  const reports = await Promise.all(Array.from({ length: 4 }, () => system.worker({ limit: 100 }).run()));
  expect(reports.reduce((sum, report) => sum + value(report).copied, 0)).toBe(2_000);
  expect(await system.verify()).toEqual([]);
});

test("an older row does not replace a newer one, whoever comes last", async () => {
  const [id = ""] = await system.fill(1);
  const slow = value(await system.source.claim({ limit: 10, leaseSeconds: 60, newest: 0, after: 0 }));
  await system.sql("update public.senders set name = 'Newer' where id = $1", [id]);
  await system.drain();
  expect(await applyRows(system.replica.collection("senders"), senders, slow.rows)).toEqual([{ is: "stale" }]);
  value(await system.source.settle({ seqs: slow.marks.map(({ seq }) => seq), failed: [], done: [], buried: [] }));
  expect(await copies().toArray()).toMatchObject([{ name: "Newer" }]);
});

test("what a worker that died had claimed is claimed again when its lease has ended", async () => {
  await system.fill(5);
  value(await system.source.claim({ limit: 10, leaseSeconds: 60, newest: 0, after: 0 }));
  expect(value(await system.worker().run())).toMatchObject({ copied: 0 });
  await system.sql("update switchyard.marks set leased_until = clock_timestamp() - interval '1 second'");
  expect(value(await system.worker().run())).toMatchObject({ copied: 5 });
  // a clock that was set back does not keep them for longer
  await system.fill(5);
  value(await system.source.claim({ limit: 10, leaseSeconds: 60, newest: 0, after: 0 }));
  await system.sql("update switchyard.marks set leased_until = clock_timestamp() + interval '2 hours'");
  expect(value(await system.worker().run())).toMatchObject({ copied: 5 });
});

describe("a row that the copy refuses", () => {
  afterAll(() => system.replica.command({ collMod: "senders", validator: {} }));

  test("does not stop the others, is told with its reason, and goes through once it is good", async () => {
    const [id = ""] = await system.fill(10);
    await system.drain();
    await system.replica.command({ collMod: "senders", validator: { name: { $ne: "Bad" } } });
    await system.sql("update public.senders set name = case when id = $1 then 'Bad' else 'Good' end", [id]);
    expect(value(await system.worker().run())).toMatchObject({ copied: 9, refused: 1 });
    await system.sql("update switchyard.replication_failures set attempts = 7, due_at = clock_timestamp()");
    expect(value(await system.worker().run())).toMatchObject({ refused: 1 });
    expect(value(await system.source.status())).toMatchObject({ pending: 0, dead: 1 });
    expect(value(await system.source.dead(10))).toMatchObject([{ collection: "senders", id, attempts: 8 }]);
    await system.sql("update public.senders set name = 'Fine' where id = $1", [id]);
    await system.drain();
    expect(value(await system.source.status())).toMatchObject({ failing: 0, dead: 0 });
    expect(await system.verify()).toEqual([]);
  });
});

test("a source that was set back is found out, and nothing is copied", async () => {
  await system.fill(1);
  await system.drain();
  await system.sql("delete from switchyard.replication_claims");
  await system.fill(1);
  const refused = (await system.worker().run())._unsafeUnwrapErr();
  expect(refused.message).toMatch(/set back|restored/);
  expect(await copies().toArray()).toHaveLength(1);
  value(await system.backfill({ restart: true }));
  expect(await system.verify()).toEqual([]);
});

test("tombstones stay until the copy has them, and a week", async () => {
  const expire = async () => {
    await system.sql("update switchyard.tombstones set deleted_at = now() - interval '8 days' where seen is not null");
    return Number((await system.sql("select public.switchyard_expire_tombstones() as n"))[0]?.n);
  };
  await system.fill(2);
  await system.drain();
  await expire();
  await system.sql("delete from public.senders");
  expect(await expire()).toBe(0);
  await system.drain();
  expect(await expire()).toBe(2);
});

test("switched off, writers leave no marks, and backfill brings the copy up", async () => {
  value(await system.source.switch(false));
  await system.fill(30);
  expect(await pending()).toBe(0);
  value(await system.backfill());
  expect(await system.verify()).toEqual([]);
  expect(await copies().toArray()).toHaveLength(30);
});
