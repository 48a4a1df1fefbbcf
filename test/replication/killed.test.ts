/** A process that is killed between any two steps has lost nothing, and left nothing half done. */
import { randomUUID } from "node:crypto";
import { UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { repairCollection } from "../../shared/replication/repair.ts";
import { restore } from "../../shared/replication/restore.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { value } from "../contract/store.ts";
import { copied, notes, senders } from "./collections.ts";
import { killedAt } from "./killed-at.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
beforeAll(async () => {
  system = await startReplication();
});
afterAll(() => system?.stop());
beforeEach(async () => {
  await system.sql("delete from public.senders");
  await system.sql("delete from public.notes");
  await system.drain();
});

const makeNote = async (text = "Note") => {
  const id = randomUUID();
  const values = { text, labels: [], size: null, at: null, more: null };
  value(await system.store().create(notes, id, values));
  return id;
};
const leasesEnd = () =>
  system.sql("update switchyard.marks set leased_until = clock_timestamp() - interval '1 second'");

test.each(["claimed", "applied", "remembered", "settled"])("a worker: %s", async (step) => {
  await system.fill(20);
  await system.sql("delete from public.senders where name like '%3'");
  expect(await killedAt(system, "worker", step)).toBe("SIGKILL");
  // what others write meanwhile counts, too
  await system.sql("update public.senders set name = name || '!' where name like '%4'");
  await leasesEnd();
  await system.drain();
  expect(value(await system.source.status())).toMatchObject({ pending: 0, failing: 0, dead: 0 });
  expect(await system.verify()).toEqual([]);
});

test.each(["read", "merged", "cleared"])("a collector: %s", async (step) => {
  const store = system.store();
  const ids: string[] = [];
  for (let n = 0; n < 20; n++) ids.push(await makeNote(`Note ${n}`));
  await system.drain();
  for (const id of ids) value(await store.update(notes, id, { text: "There" }));
  // both sides have a change that the other has not seen
  await system.sql("update public.notes set text = 'Here' where text like '%4'");
  for (const id of ids.slice(15)) value(await store.delete(notes, id));
  expect(await killedAt(system, "collector", step)).toBe("SIGKILL");
  for (const id of ids.slice(0, 3)) value(await store.update(notes, id, { text: "Later" }));
  await system.drain();
  expect(await system.home.collection("notes").countDocuments({ _dirty: { $exists: true } })).toBe(0);
  expect(value(await system.source.status())).toMatchObject({ pending: 0, failing: 0, dead: 0 });
  expect(await system.verify()).toEqual([]);
  const texts = await system.sql("select text, count(*)::int as n from public.notes group by 1 order by 1");
  expect(texts.reduce((sum, { n }) => sum + Number(n), 0)).toBe(15);
  const lost = await system.sql("select distinct other -> 'row' ->> 'text' as text from switchyard.conflicts");
  expect([...texts, ...lost].map(({ text }) => text)).toEqual(expect.arrayContaining(["Later", "There", "Here"]));
});

test.each(["switched", "marked", "copied"])("backfill: %s", async (step) => {
  value(await system.source.switch(false));
  await system.fill(20);
  expect(await killedAt(system, "backfill", step)).toBe("SIGKILL");
  await system.sql("delete from public.senders where name like '%3'");
  await leasesEnd();
  value(await system.backfill());
  expect(await system.verify()).toEqual([]);
  expect(await system.replica.collection("senders").countDocuments({ _deleted_at: null })).toBe(18);
});

test.each(["unsent", "sent"])("the way back of backfill: %s", async (step) => {
  for (let n = 0; n < 20; n++) await makeNote();
  // a Postgres that knows nothing of them, and a MongoDB that believes it does
  await system.home.collection("notes").updateMany({}, { $unset: { _dirty: "" } });
  await system.home.collection<{ _id: string }>("switchyard").deleteOne({ _id: "backfill/notes" });
  expect(await killedAt(system, "backfill", step)).toBe("SIGKILL");
  await leasesEnd();
  value(await system.backfill());
  expect(await system.verify()).toEqual([]);
  expect(await system.sql("select count(*)::int as n from public.notes")).toEqual([{ n: 20 }]);
});

test.each(["marked anew", "replaced"])("repair: %s", async (step) => {
  const ids = await system.fill(20);
  await system.drain();
  const documents = system.replica.collection("senders");
  const key = (id = "") => ({ _id: new UUID(id) as never });
  for (const id of ids.slice(0, 5)) await documents.deleteOne(key(id));
  for (const id of ids.slice(5, 10)) await documents.updateOne(key(id), { $set: { name: "By hand" } });
  expect(await killedAt(system, "repair", step)).toBe("SIGKILL");
  await system.drain();
  const differences = await system.verify();
  value(await repairCollection({ source: system.source, mongo: system.mongo, collection: senders }, differences));
  await system.drain();
  expect(await system.verify()).toEqual([]);
});

test.each(["unsent", "marked anew"])("repair, of what both databases write: %s", async (step) => {
  const ids: string[] = [];
  for (let n = 0; n < 20; n++) ids.push(await makeNote());
  await system.drain();
  // each side has lost some that the other has
  const lost = ids.slice(0, 5);
  await system.home.collection("notes").deleteMany({ _id: { $in: lost.map((id) => new UUID(id) as never) } });
  await system.sql("alter table public.notes disable trigger all");
  await system.sql("delete from public.notes where id = any ($1)", [ids.slice(5, 10)]);
  await system.sql("alter table public.notes enable trigger all");
  for (const name of ["stamp", "check_tombstones", "bury", "mark_insert", "mark_update", "mark_delete"])
    await system.sql(`alter table public.notes enable always trigger switchyard_${name}`);
  expect(await killedAt(system, "repair back", step)).toBe("SIGKILL");
  const options = { source: system.source, mongo: system.mongo, collection: notes };
  const verified = await verifyCollection({ ...options, deep: true, patienceMs: 0 });
  value(await repairCollection(options, value(verified).differences));
  await system.drain();
  expect(await system.verify()).toEqual([]);
  expect(await system.sql("select count(*)::int as n from public.notes")).toEqual([{ n: 20 }]);
});

test.each(["applied", "switched"])("restore: %s", async (step) => {
  await system.fill(20);
  await system.drain();
  const before = await system.sql("select * from public.senders order by id");
  // nothing tells of them: as a disk that is lost
  await system.sql("alter table public.senders disable trigger all");
  await system.sql("delete from public.senders");
  await system.sql("alter table public.senders enable trigger all");
  for (const name of ["stamp", "check_tombstones", "bury", "mark_insert", "mark_update", "mark_delete"])
    await system.sql(`alter table public.senders enable always trigger switchyard_${name}`);
  expect(await killedAt(system, "restore", step)).toBe("SIGKILL");
  value(await restore({ source: system.source, mongo: system.mongo, collections: copied }));
  expect(await system.sql("select * from public.senders order by id")).toEqual(before);
  expect(await system.verify()).toEqual([]);
});
