/** What both databases take writes of: each gets what was written in the other, and both end with the same. */
import { randomUUID } from "node:crypto";
import { UUID } from "mongodb";
import { err } from "neverthrow";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import type { Row, Store } from "../../shared/repository/store.ts";
import { value } from "../contract/store.ts";
import { notes } from "./collections.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let store: Store;
let id: string;
beforeAll(async () => {
  system = await startReplication();
  store = system.store();
});
afterAll(() => system?.stop());
beforeEach(() => {
  id = randomUUID();
});

const NOTE: Row = { text: "A note", labels: [], size: null, at: null, more: null };
const make = async (values: Row = {}) => value(await store.create(notes, id, { ...NOTE, ...values }, "hash"));
const change = async (values: Row, by = store) => value(await by.update(notes, id, values));
const insertHere = (text = "Here") =>
  system.sql("insert into public.notes (clerk_id, id, text) values ($1, $2, $3)", [system.clerk, id, text]);
const changeHere = (text: string) => system.sql("update public.notes set text = $2 where id = $1", [id, text]);
const deleteHere = () => system.sql("delete from public.notes where id = $1", [id]);
const here = async () => (await system.sql("select * from public.notes where id = $1", [id]))[0];
const grave = async () => (await system.sql("select * from switchyard.tombstones where id = $1", [id]))[0];
const there = () => system.home.collection("notes").findOne({ _id: new UUID(id) as never });
const conflicts = () => system.sql("select * from switchyard.conflicts where row_id = $1 order by id", [id]);
const pending = async () => value(await system.source.status()).pending;
/** A clock that is that far ahead, or behind. */
const apart = (ms: number) => system.store(() => Date.now() + ms);
/** Both sides have that text, whatever they had before. */
const settled = async (text: string) => {
  await system.drain();
  expect(await here()).toMatchObject({ text });
  expect(await there()).toMatchObject({ text });
  expect(await there()).not.toHaveProperty("_dirty");
  expect(await system.verify()).toEqual([]);
};
/** Neither side has it any more. */
const buried = async () => {
  await system.drain();
  expect(await here()).toBeUndefined();
  expect(await there()).toMatchObject({ _deleted_at: expect.any(Date), _acknowledged_at: expect.any(Date) });
  expect(await there()).not.toHaveProperty("_dirty");
  expect(await grave()).toMatchObject({ acknowledged: true });
  expect(await system.verify()).toEqual([]);
};

describe("one way at a time", () => {
  test("what is written in MongoDB is in Postgres exactly as it is there, and is not sent back", async () => {
    const more = { deep: [{ "a.b": 1, $x: null }], text: "\u00e9" };
    const record = await make({ labels: ["a"], size: "12.5", at: "2026-03-14T15:09:26.535Z", more });
    expect(await there()).toMatchObject({ _dirty: { since: expect.any(Date) } });
    expect(value(await system.collector().run())).toMatchObject({ sent: 1, isDrained: true });
    const row = await here();
    expect({ ...row, version: Number(row?.version) }).toMatchObject({
      ...{ text: "A note", labels: ["a"], more, create_hash: "hash", version: record.version },
      seen: { 2: record.version },
    });
    // as text, which PGlite and a server spell alike
    const [times] = await system.sql(
      "select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as created_at from public.notes where id = $1",
      [id],
    );
    expect(times).toEqual({ created_at: record.created_at });
    expect(await pending()).toBe(0);
    expect(await there()).not.toHaveProperty("_dirty");
    expect(await system.verify()).toEqual([]);
  });

  test("what is written in Postgres is in MongoDB's home, and is not sent back", async () => {
    await insertHere();
    value(await system.worker().run());
    expect(await there()).toMatchObject({ text: "Here", clerk_id: new UUID(system.clerk), _folded: { text: "here" } });
    expect(await there()).not.toHaveProperty("_dirty");
    expect(await system.replica.collection("notes").countDocuments()).toBe(0);
    expect(await system.verify()).toEqual([]);
  });

  test("each goes on from what the other has written", async () => {
    await make();
    await system.drain();
    await changeHere("Second");
    await system.drain();
    expect(await change({ text: "Third" })).toMatchObject({ labels: [] });
    await settled("Third");
    await changeHere("Fourth");
    await settled("Fourth");
    expect(await conflicts()).toEqual([]);
    expect(Object.keys((await here())?.seen as object)).toEqual(["1", "2"]);
  });

  test.each([
    ["MongoDB", async () => void value(await store.delete(notes, id))],
    ["Postgres", deleteHere],
  ])("a deletion in %s, and the same id again", async (_, remove) => {
    await make();
    await system.drain();
    await remove();
    await buried();
    await insertHere("Again");
    await settled("Again");
    await remove();
    await buried();
    value(await store.create(notes, id, { ...NOTE, text: "And again" }));
    await settled("And again");
    expect(await conflicts()).toEqual([]);
  });

  test("a write while it is being sent is sent as well", async () => {
    await make();
    await system
      .collector({
        at: async (step) => {
          if (step === "merged") await change({ text: "Meanwhile" });
        },
        limit: 1,
      })
      .collectBatch();
    expect(await here()).toMatchObject({ text: "A note" });
    expect(await there()).toHaveProperty("_dirty");
    await settled("Meanwhile");
  });

  test("clocks that are apart keep nothing waiting", async () => {
    const [ahead, behind] = [apart(86_400_000), apart(-86_400_000)];
    value(await ahead.create(notes, id, NOTE));
    await settled("A note");
    await changeHere("Here");
    await change({ text: "Behind" }, behind);
    await system.drain();
    expect(await system.verify()).toEqual([]);
    expect(await there()).not.toHaveProperty("_dirty");
  });
});

describe("changed on both sides", () => {
  beforeEach(async () => {
    await make();
    await system.drain();
  });

  test.each([
    ["MongoDB's, which is later", 60_000, "There", "Here"],
    ["Postgres', which is later", -60_000, "Here", "There"],
  ])("%s, stays; the other is kept for review", async (_, ms, stays, goes) => {
    await changeHere("Here");
    const { version: theirs } = await change({ text: "There" }, apart(ms));
    const { version: ours } = (await here()) as Row;
    await settled(stays);
    expect(await conflicts()).toMatchObject([
      {
        collection: "notes",
        owner: system.clerk,
        state: "open",
        kept: { row: { text: stays } },
        other: { row: { text: goes } },
      },
    ]);
    const row = await here();
    expect(row?.seen).toEqual({ 1: Number(ours), 2: theirs });
    expect(Number(row?.version)).toBe(Math.max(Number(ours), Number(theirs)));
    await changeHere("Later");
    await settled("Later");
    expect(await conflicts()).toHaveLength(1);
  });

  test("whichever is brought over first, the result is the same", async () => {
    await changeHere("Here");
    await change({ text: "There" }, apart(60_000));
    // nobody decides in MongoDB
    expect(value(await system.worker().run())).toMatchObject({ concurrent: 1, copied: 0 });
    expect(await there()).toMatchObject({ text: "There" });
    await settled("There");
    expect(await conflicts()).toHaveLength(1);
  });

  test("a document that nobody knows to be unsent is sent all the same", async () => {
    await changeHere("Here");
    await change({ text: "There" }, apart(60_000));
    await system.home.collection("notes").updateOne({ _id: new UUID(id) as never }, { $unset: { _dirty: "" } });
    expect(value(await system.collector().run())).toMatchObject({ sent: 0, merged: 0 });
    await settled("There");
    expect(await conflicts()).toHaveLength(1);
  });

  test("a deletion beats a change, however much later, and the change is kept for review", async () => {
    await deleteHere();
    await change({ text: "There" }, apart(60_000));
    await buried();
    expect(await conflicts()).toMatchObject([
      { kept: { deleted_at: expect.any(String) }, other: { row: { text: "There" } } },
    ]);
  });

  test("so does one in MongoDB", async () => {
    value(await apart(-60_000).delete(notes, id));
    await changeHere("Here");
    await buried();
    expect(await conflicts()).toMatchObject([{ other: { row: { text: "Here" } } }]);
  });

  test("the same contents are no conflict", async () => {
    await system.sql("update public.notes set text = 'Same', size = 1.5, at = '2026-01-01T00:00:00Z' where id = $1", [
      id,
    ]);
    await change({ text: "Same", size: "1.5", at: "2026-01-01T00:00:00.000Z" });
    await settled("Same");
    expect(await conflicts()).toEqual([]);
  });

  test("nor are two deletions", async () => {
    await deleteHere();
    value(await store.delete(notes, id));
    await buried();
    expect(await conflicts()).toEqual([]);
  });

  test("a deletion on one side, and on the other one and the same id again: the deletion stays, and both are known", async () => {
    await deleteHere();
    value(await store.delete(notes, id));
    value(await store.create(notes, id, { ...NOTE, text: "Again" }));
    await buried();
    expect(await conflicts()).toMatchObject([{ other: { row: { text: "Again" } } }]);
  });
});

describe("an id that two have made", () => {
  let stranger: string;
  beforeAll(async () => {
    stranger = randomUUID();
  });
  const insertStranger = () =>
    system.sql("insert into public.notes (clerk_id, id, text) values ($1, $2, 'Taken')", [stranger, id]);

  test("stays with whoever made it first", async () => {
    await make();
    await insertStranger();
    await settled("A note");
    expect(await here()).toMatchObject({ clerk_id: system.clerk });
    expect(await conflicts()).toMatchObject([{ owner: stranger, kept_owner: system.clerk }]);
  });

  test("is not taken away by deleting it", async () => {
    await make();
    await insertStranger();
    await deleteHere();
    await settled("A note");
  });

  test("and which is gone again is free for the other", async () => {
    await make();
    value(await store.delete(notes, id));
    await insertStranger();
    await settled("Taken");
    expect(await conflicts()).toEqual([]);
    const counts = await system.sql("select records from switchyard.user_usage where user_id = $1", [stranger]);
    const rows = await system.sql("select count(*)::int as n from public.notes where clerk_id = $1", [stranger]);
    expect(Number(counts[0]?.records)).toBe(rows[0]?.n);
  });
});

describe("rows that Postgres does not take", () => {
  const dirty = async () => (await there())?._dirty;

  test("are refused with their reason, less and less often tried, set aside, and sent once they are mended", async () => {
    await system.sql("alter table public.notes add constraint no_bad check (text <> 'Bad')");
    await make({ text: "Bad" });
    const other = randomUUID();
    value(await store.create(notes, other, NOTE));
    let now = Date.now();
    const collector = system.collector({ now: () => now });
    expect(value(await collector.run())).toMatchObject({ sent: 1, refused: 1 });
    expect(await dirty()).toMatchObject({ attempts: 1, error: expect.stringContaining("no_bad") });
    expect(value(await collector.run())).toMatchObject({ refused: 0 });
    for (let tries = 0; tries < 7; tries++) {
      now += 3_600_000;
      expect(value(await collector.run())).toMatchObject({ refused: 1 });
    }
    expect(await dirty()).toMatchObject({ attempts: 8, dead: true });
    now += 86_400_000;
    expect(value(await collector.run())).toMatchObject({ refused: 0 });
    await change({ text: "Good" });
    await settled("Good");
  });

  test("of a batch that cannot be read as a whole are found, and alone are refused", async () => {
    const others = Array.from({ length: 5 }, () => randomUUID());
    for (const each of others) value(await store.create(notes, each, NOTE));
    await make();
    const documents = system.home.collection("notes");
    await documents.updateOne({ _id: new UUID(id) as never }, { $set: { text: "by hand \u0000" } });
    expect(value(await system.collector().run())).toMatchObject({ sent: 5, refused: 1 });
    await documents.deleteOne({ _id: new UUID(id) as never });
  });

  test("because Postgres is away are no row's fault", async () => {
    await make();
    const source = { ...system.source, merge: async () => err(unavailable("Supabase does not answer.")) };
    expect((await system.collector({ source }).run())._unsafeUnwrapErr()).toMatchObject({ kind: "unavailable" });
    expect(await dirty()).not.toHaveProperty("attempts");
    await settled("A note");
  });

  test("are none for a quota, which was the business of where they were written", async () => {
    await system.sql("update switchyard.quotas set records = 0");
    try {
      await make();
      await settled("A note");
    } finally {
      await system.sql("update switchyard.quotas set records = 100000");
    }
  });
});

describe("what belongs to a room", () => {
  // a sender stands for it
  const room = () => system.clerk;
  beforeAll(() =>
    system.sql(
      "update switchyard.collections set room_table = 'senders', room_column = 'clerk_id' where name = 'notes'",
    ),
  );
  afterAll(() => system.sql("update switchyard.collections set room_table = null, room_column = null"));
  beforeEach(() =>
    system.sql("insert into public.senders (clerk_id, id, name) values ($1, $1, 'Room') on conflict do nothing", [
      room(),
    ]),
  );
  const close = () => system.sql("delete from public.senders where id = $1", [room()]);

  test("arrives while it is there", async () => {
    await make();
    await settled("A note");
  });

  test("is deleted on both sides when it arrives after the room has gone", async () => {
    await close();
    await make();
    await buried();
    expect(await conflicts()).toEqual([]);
  });

  test("is refused by name, and not deleted, where nothing says that the room was deleted", async () => {
    await close();
    await system.drain();
    await system.sql("delete from switchyard.tombstones where id = $1", [room()]);
    await make();
    expect(value(await system.collector().run())).toMatchObject({ refused: 1 });
    expect(await there()).toMatchObject({ text: "A note", _dirty: { error: expect.stringContaining("senders") } });
    await system.home.collection("notes").deleteOne({ _id: new UUID(id) as never });
  });
});

test("a tombstone expires in neither database before the other has it", async () => {
  const expire = async () => {
    await system.sql("update switchyard.tombstones set deleted_at = now() - interval '8 days' where id = $1", [id]);
    await system.sql("select public.switchyard_expire_tombstones()");
  };
  await make();
  await system.drain();
  await deleteHere();
  await expire();
  expect(await grave()).toBeDefined();
  value(await store.delete(notes, id));
  expect(await there()).not.toHaveProperty("_acknowledged_at");
  await buried();
  await expire();
  expect(await grave()).toBeUndefined();
});

describe("how it stands", () => {
  const fallback = async () => (await system.sql("select public.switchyard_replication_fallback() as is"))[0]?.is;

  test("Postgres says what MongoDB lacks, and up to when it has what MongoDB has", async () => {
    await system.sql("delete from switchyard.replication_received");
    await system.drain();
    const before = (await fallback()) as { complete_up_to: string };
    expect(before).toMatchObject({ is_on: true, pending: false, oldest_pending_ms: null });
    await insertHere();
    expect(await fallback()).toMatchObject({ pending: true, oldest_pending_ms: expect.any(Number) });
    await system.drain();
    const after = (await fallback()) as { complete_up_to: string };
    expect(after).toMatchObject({ pending: false });
    expect(Date.parse(after.complete_up_to)).toBeGreaterThan(Date.parse(before.complete_up_to));
  });

  test("nothing is complete while something is refused, and it never goes back", async () => {
    await system.drain();
    await system.sql("delete from switchyard.replication_received");
    const upTo = async () => ((await fallback()) as { complete_up_to: string | null }).complete_up_to;
    await make({ text: "Bad" });
    const collector = system.collector();
    value(await collector.run());
    value(await collector.run());
    expect(await upTo()).toBeNull();
    await change({ text: "Good" });
    const now = Date.now();
    value(await system.collector({ now: () => now }).run());
    const complete = await upTo();
    expect(Date.parse(complete ?? "")).toBe(now - 1_000);
    value(await system.collector({ now: () => now - 30_000 }).run());
    expect(await upTo()).toBe(complete);
    value(await system.collector({ now: () => now + 86_400_000 }).run());
    expect(Date.parse((await upTo()) ?? "")).toBeLessThan(now + 3_600_000);
  });
});
