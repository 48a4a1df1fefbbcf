/** The copy as what is written while Supabase is away, and home again: nothing is lost, and what both have changed is kept. */
import { randomUUID } from "node:crypto";
import { err, ok } from "neverthrow";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import { isTwoWay } from "../../shared/definition/define.ts";
import { byName } from "../../shared/definition/per-collection.ts";
import { asPromoted } from "../../shared/definition/promoted.ts";
import { prepareMongo, REPLICA } from "../../shared/mongo/prepare.ts";
import { readPromotions } from "../../shared/mongo/promotions.ts";
import { replicaName } from "../../shared/mongo/replica.ts";
import { createMongoStore } from "../../shared/mongo/store.ts";
import { copyBothWays } from "../../shared/replication/both-ways.ts";
import { demote, promote, promotedIn } from "../../shared/replication/promotion.ts";
import { everyCollection } from "../../shared/repository/every-call.ts";
import type { Store } from "../../shared/repository/store.ts";
import { value } from "../contract/store.ts";
import { MONGODB } from "../setup/repositories.ts";
import { copied, senders } from "./collections.ts";
import { killedAt } from "./killed-at.ts";
import { type Replication, startReplication } from "./system.ts";

const mirrored = copied.filter((collection) => !isTwoWay(collection));
const parcels = mirrored.find(({ name }) => name === "parcels") as (typeof copied)[number];

let system: Replication;
let copy: Store;
beforeAll(async () => {
  system = await startReplication();
  await prepareMongo(system.replica, mirrored, { ...MONGODB, name: replicaName(MONGODB.name) }, REPLICA);
  const options = { db: system.replica, userId: system.clerk, site: MONGODB.site, maxTimeMs: 10_000 };
  copy = everyCollection(createMongoStore({ ...options, all: byName(mirrored.map(asPromoted)) }), asPromoted);
});
afterAll(() => system?.stop());
beforeEach(async () => {
  await bothWays();
  for (const collection of mirrored) await home(collection);
  await system.sql("delete from public.parcels");
  await system.sql("delete from public.senders");
  await system.sql("delete from switchyard.conflicts");
  value(await bothWays());
});

const sides = () => ({ source: system.source, mongo: system.mongo });
function bothWays() {
  const promoted = promotedIn({ ...sides(), collections: copied });
  return copyBothWays({ worker: system.worker(), collector: system.collector({ promoted }) });
}
const away = async (collection = senders) => value(await promote({ ...sides(), collection, force: true }));
const home = (collection = senders) =>
  demote({ ...sides(), collection, copy: bothWays, requestMs: 0, wait: async () => {} });
const conflicts = () => system.sql("select collection, kept, other from switchyard.conflicts order by id");
const sender = (name: string) => ({ name, labels: [] });
const named = async () => (await system.sql("select name from public.senders order by name")).map(({ name }) => name);

test("what was made, changed and deleted in the copy comes home, with its versions and times", async () => {
  const [kept, gone] = await system.fill(2);
  value(await bothWays());
  await away();
  const made = value(await copy.create(senders, randomUUID(), sender("Made there")));
  const changed = value(await copy.update(senders, kept as string, { name: "Changed there" }));
  value(await copy.delete(senders, gone as string));
  expect(value(await home())).toMatchObject({ differences: [], rows: 2 });
  const rows = await system.sql("select id, name, version::text, updated_at from public.senders order by name");
  expect(rows.map(({ id, name, version }) => [id, name, Number(version)])).toEqual([
    [changed.id, "Changed there", changed.version],
    [made.id, "Made there", made.version],
  ]);
  expect(await conflicts()).toEqual([]);
});

test("a write that Postgres took and nobody had seen is a conflict, and the later one stays", async () => {
  const [id] = await system.fill(1);
  value(await bothWays());
  // its mark is not copied: Supabase goes away with it
  await system.sql("update public.senders set name = 'Late here'");
  await away();
  value(await copy.update(senders, id as string, { name: "Written there" }));
  expect(value(await home()).differences).toEqual([]);
  expect(await named()).toEqual(["Written there"]);
  expect(await conflicts()).toMatchObject([{ collection: "senders", other: { row: { name: "Late here" } } }]);
});

test("a child whose parent was deleted here is kept as a conflict, and does not hold up the rest", async () => {
  const [parent] = await system.fill(1);
  value(await bothWays());
  await system.sql("delete from public.senders");
  await away(parcels);
  const parcel = { sender_id: parent, price: "5", currency: "EUR", sent_at: null, note: "To whom" };
  value(await copy.create(parcels, randomUUID(), parcel));
  expect(value(await home(parcels)).differences).toEqual([]);
  expect(await system.sql("select id from public.parcels")).toEqual([]);
  expect(await conflicts()).toMatchObject([{ collection: "parcels", other: { row: { note: "To whom" } } }]);
});

test("once Postgres knows, it takes no writes of its own until all is home", async () => {
  await system.fill(1);
  value(await bothWays());
  await away();
  for (const statement of [
    "update public.senders set name = 'x'",
    "delete from public.senders",
    "truncate public.senders cascade",
  ])
    await expect(system.sql(statement)).rejects.toThrow(/written in its copy/);
  value(await home());
  await system.sql("update public.senders set name = 'Here again'");
  expect(await named()).toEqual(["Here again"]);
});

test("one that was nearly home, and is promoted again, takes no writes in Postgres either", async () => {
  await system.fill(1);
  value(await bothWays());
  await away();
  const source: typeof system.source = {
    ...system.source,
    // told, and stopped before the copy can be
    place: async (name, database, epoch) =>
      (await system.source.place(name, database, epoch)).andThen((placed) =>
        database === "supabase" ? err(unavailable("Its answer was lost.")) : ok(placed),
      ),
  };
  const stopped = await demote({
    ...{ ...sides(), source, collection: senders, copy: bothWays },
    ...{ requestMs: 0, wait: async () => {} },
  });
  expect(stopped.isErr()).toBe(true);
  await away();
  await expect(system.sql("update public.senders set name = 'x'")).rejects.toThrow(/written in its copy/);
  expect(value(await home()).differences).toEqual([]);
  await system.sql("update public.senders set name = 'Here again'");
});

test("a change that Postgres alone has seen is not lost for a child whose parent was deleted here", async () => {
  const [one, other] = await system.fill(2);
  const id = randomUUID();
  const made = { clerk_id: system.clerk, id, sender_id: one, price: "5", currency: "EUR", note: "As made" };
  await system.sql(
    `insert into public.parcels (clerk_id, id, sender_id, price, currency, note) values ($1, $2, $3, $4, $5, $6)`,
    Object.values(made),
  );
  value(await bothWays());
  // Supabase goes away with these
  await system.sql("update public.parcels set note = 'Late here'");
  await system.sql("delete from public.senders where id = $1", [other]);
  await away(parcels);
  value(await copy.update(parcels, id, { sender_id: other }));
  value(await home(parcels));
  expect(await system.sql("select note from public.parcels")).toEqual([{ note: "Late here" }]);
  expect(await conflicts()).toMatchObject([{ collection: "parcels", other: { row: { sender_id: other } } }]);
  expect(await system.verify()).toEqual([]);
});

test("a parent and its child that were both deleted in the copy are both deleted here", async () => {
  const [parent] = await system.fill(1);
  const id = randomUUID();
  await system.sql(
    "insert into public.parcels (clerk_id, id, sender_id, price, currency) values ($1, $2, $3, '5', 'EUR')",
    [system.clerk, id, parent],
  );
  value(await bothWays());
  await away();
  await away(parcels);
  value(await copy.delete(parcels, id));
  value(await copy.delete(senders, parent as string));
  value(await bothWays());
  const promoted = promotedIn({ ...sides(), collections: copied });
  value(await system.collector({ promoted, now: () => Date.now() + 5_000 }).run());
  expect(value(await home()).differences).toEqual([]);
  expect(value(await home(parcels)).differences).toEqual([]);
  expect([await named(), await conflicts()]).toEqual([[], []]);
});

test("a parent that was deleted in the copy, and has a child here that nobody had seen, does not hold up the rest", async () => {
  const [parent] = await system.fill(1);
  value(await bothWays());
  await system.sql(
    "insert into public.parcels (clerk_id, id, sender_id, price, currency) values ($1, gen_random_uuid(), $2, '5', 'EUR')",
    [system.clerk, parent],
  );
  await away();
  value(await copy.delete(senders, parent as string));
  expect((await home())._unsafeUnwrapErr().code).toBe("busy");
  let now = Date.now();
  const promoted = promotedIn({ ...sides(), collections: copied });
  for (let tries = 0; tries < 3; tries++) {
    now += 60_000;
    value(await system.collector({ promoted, now: () => now }).run());
  }
  value(await bothWays());
  expect(value(await home()).differences).toEqual([]);
  expect(await named()).toEqual(["Sender 1"]);
  expect(await conflicts()).toMatchObject([{ collection: "senders", other: { deleted_at: expect.any(String) } }]);
  expect(await system.verify()).toEqual([]);
});

test("is not done by mistake", async () => {
  const refused = await promote({ ...sides(), collection: senders });
  expect(refused._unsafeUnwrapErr().message).toMatch(/--force/);
  expect((await home())._unsafeUnwrapErr().message).toMatch(/where it belongs/);
});

test.each(["promoted", "told"])("one who promotes and is killed once it is %s: it is promoted", async (step) => {
  await system.fill(1);
  value(await bothWays());
  expect(await killedAt(system, "promote", step)).toBe("SIGKILL");
  expect(await away()).toMatchObject({ epoch: (await readPromotions(system.replica)).get("senders")?.epoch });
  value(await copy.create(senders, randomUUID(), sender("Made there")));
  expect(value(await home()).differences).toEqual([]);
  expect(await named()).toEqual(["Made there", "Sender 1"]);
});

test.each(["told", "draining", "sent", "compared", "home"])(
  "one who brings all home and is killed at %s: whoever does it again ends it",
  async (step) => {
    await system.fill(3);
    value(await bothWays());
    await system.sql("update public.senders set name = name || ' late' where name like '%2'");
    await away();
    for (const name of ["A", "B"]) value(await copy.create(senders, randomUUID(), sender(name)));
    expect(await killedAt(system, "demote", step)).toBe("SIGKILL");
    const again = await home();
    if (step === "home") expect(again._unsafeUnwrapErr().message).toMatch(/where it belongs/);
    else expect(value(again).differences).toEqual([]);
    value(await bothWays());
    await system.sql("insert into public.senders (clerk_id, id, name) values ($1, gen_random_uuid(), 'C')", [
      system.clerk,
    ]);
    value(await bothWays());
    expect(await named()).toEqual(["A", "B", "C", "Sender 1", "Sender 2 late", "Sender 3"]);
    expect(await system.verify()).toEqual([]);
  },
);

test("what differs keeps it where it is; it is drained, and takes no writes", async () => {
  const [id] = await system.fill(1);
  value(await bothWays());
  await away();
  // by hand, past every guard
  await system.replica.collection("senders").updateMany({}, { $set: { name: "Forged" } });
  expect(value(await home()).differences).toEqual([{ collection: "senders", id, is: "other" }]);
  expect((await readPromotions(system.replica)).get("senders")?.state).toBe("draining");
  await system.replica.collection("senders").updateMany({}, { $set: { name: "Sender 1" } });
  expect(value(await home()).differences).toEqual([]);
  expect((await readPromotions(system.replica)).get("senders")?.state).toBe("home");
});
