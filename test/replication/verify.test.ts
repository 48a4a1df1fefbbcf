/** What a copy can have wrong is found by its name, and mended where nothing can be lost by that. */
import { Long, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { repairCollection } from "../../shared/replication/repair.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { value } from "../contract/store.ts";
import { senders } from "./collections.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let ids: string[];
const documents = () => system.replica.collection("senders");
const one = (at: number) => ({ _id: new UUID(ids[at]) as never });
const verify = async (deep = true) => {
  const options = { source: system.source, mongo: system.mongo, collection: senders, deep };
  return value(await verifyCollection(options));
};
const faults = async (deep?: boolean) =>
  (await verify(deep)).differences.map(({ id, is }) => [ids.indexOf(id), is]).sort();

beforeAll(async () => {
  system = await startReplication();
});
afterAll(() => system?.stop());
beforeEach(async () => {
  await system.sql("delete from public.senders");
  await system.drain();
  await documents().deleteMany({});
  await system.sql("delete from switchyard.tombstones where seen is not null");
  ids = (await system.fill(10)).sort();
  await system.drain();
});

test("nothing is wrong with an exact copy, whatever its size", async () => {
  await system.fill(6_000);
  await system.drain();
  expect(await verify()).toEqual({ rows: 6_010, differences: [], isCut: false });
});

test("each fault has its name, and repair mends what can be mended", async () => {
  const ghost = crypto.randomUUID();
  const before = await documents().findOne(one(1));
  await documents().deleteOne(one(0));
  await system.sql("update public.senders set name = 'Later' where id = $1", [ids[1]]);
  await system.drain();
  await documents().replaceOne(one(1), before as never);
  await documents().updateOne(one(2), { $set: { name: "By hand" } });
  await documents().updateOne(one(3), { $set: { "_seen.1": Long.fromString("9000000000000001") } });
  await documents().updateOne(one(4), { $set: { "_seen.2": Long.fromString("1700000000000002") } });
  await documents().insertOne({ ...(before as object), _id: new UUID(ghost) as never });
  ids.push(ghost);
  const found = [
    [0, "missing"],
    [1, "older"],
    [10, "extra"],
    [2, "other"],
    [3, "newer"],
    [4, "newer"],
  ];
  expect(await faults()).toEqual(found.sort());
  expect(await faults(false)).toEqual(found.filter(([, is]) => is !== "other").sort());

  const options = { source: system.source, mongo: system.mongo, collection: senders };
  const repaired = value(await repairCollection(options, (await verify()).differences));
  expect(repaired).toMatchObject({ marked: 2, replaced: 1 });
  await system.drain();
  expect(await faults()).toEqual([
    [10, "extra"],
    [3, "newer"],
    [4, "newer"],
  ]);
  // what is only there may be all that is left
  expect(await documents().countDocuments({ _id: new UUID(ghost) as never })).toBe(1);
});

test("what was deleted here and lives there is older, and goes", async () => {
  const copy = await documents().findOne(one(5));
  await system.sql("delete from public.senders where id = $1", [ids[5]]);
  await system.drain();
  await documents().replaceOne(one(5), copy as never);
  expect(await faults()).toEqual([[5, "older"]]);
  const options = { source: system.source, mongo: system.mongo, collection: senders };
  value(await repairCollection(options, (await verify()).differences));
  await system.drain();
  expect(await faults()).toEqual([]);
});

test("rows that are on their way are waited for, and are no fault", async () => {
  await system.sql("update public.senders set name = name || '!'");
  const looking = verify();
  await system.drain();
  expect((await looking).differences).toEqual([]);
  // and nobody copies: what waits for too long is told
  await system.sql("update public.senders set name = name || '!' where id = $1", [ids[6]]);
  let now = 0;
  const { differences } = value(
    await verifyCollection({
      source: system.source,
      mongo: system.mongo,
      collection: senders,
      patienceMs: 1_000,
      clock: () => now,
      wait: async (ms) => {
        now += ms;
      },
    }),
  );
  expect(differences).toEqual([{ collection: "senders", id: ids[6], is: "older" }]);
});
