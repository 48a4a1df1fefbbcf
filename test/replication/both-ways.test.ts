/** What both databases take writes of: each gets what was written in the other, and both end with the same. */
import { randomUUID } from "node:crypto";
import { UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Row } from "../../shared/repository/store.ts";
import { value } from "../contract/store.ts";
import { notes } from "./collections.ts";
import { createNote, NOTE, type Note } from "./note.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let note: Note;
beforeAll(async () => {
  system = await startReplication();
});
afterAll(() => system?.stop());
beforeEach(() => {
  note = createNote(system);
});

describe("one way at a time", () => {
  test("what is written in MongoDB is in Postgres exactly as it is there, and is not sent back", async () => {
    const more = { deep: [{ "a.b": 1, $x: null }], text: "\u00e9" };
    const record = await note.make({ labels: ["a"], size: "12.5", at: "2026-03-14T15:09:26.535Z", more });
    expect(await note.there()).toMatchObject({ _dirty: { since: expect.any(Date) } });
    expect(value(await system.collector().run())).toMatchObject({ sent: 1, isDrained: true });
    const row = await note.here();
    expect({ ...row, version: Number(row?.version) }).toMatchObject({
      ...{ text: "A note", labels: ["a"], more, create_hash: "hash", version: record.version },
      seen: { 2: record.version },
    });
    // as text, which PGlite and a server spell alike
    const [times] = await system.sql(
      "select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as created_at from public.notes where id = $1",
      [note.id],
    );
    expect(times).toEqual({ created_at: record.created_at });
    expect(await note.pending()).toBe(0);
    expect(await note.there()).not.toHaveProperty("_dirty");
    expect(await system.verify()).toEqual([]);
  });

  test("what is written in Postgres is in MongoDB's home, and is not sent back", async () => {
    await note.insertHere();
    value(await system.worker().run());
    expect(await note.there()).toMatchObject({
      text: "Here",
      clerk_id: new UUID(system.clerk),
      _folded: { text: "here" },
    });
    expect(await note.there()).not.toHaveProperty("_dirty");
    expect(await system.replica.collection("notes").countDocuments()).toBe(0);
    expect(await system.verify()).toEqual([]);
  });

  test("each goes on from what the other has written", async () => {
    await note.make();
    await system.drain();
    await note.changeHere("Second");
    await system.drain();
    expect(await note.change({ text: "Third" })).toMatchObject({ labels: [] });
    await note.settled("Third");
    await note.changeHere("Fourth");
    await note.settled("Fourth");
    expect(await note.conflicts()).toEqual([]);
    expect(Object.keys((await note.here())?.seen as object)).toEqual(["1", "2"]);
  });

  test.each([
    ["MongoDB", async () => void value(await note.store.delete(notes, note.id))],
    ["Postgres", () => note.deleteHere()],
  ])("a deletion in %s, and the same id again", async (_, remove) => {
    await note.make();
    await system.drain();
    await remove();
    await note.buried();
    await note.insertHere("Again");
    await note.settled("Again");
    await remove();
    await note.buried();
    value(await note.store.create(notes, note.id, { ...NOTE, text: "And again" }));
    await note.settled("And again");
    expect(await note.conflicts()).toEqual([]);
  });

  test("a write while it is being sent is sent as well", async () => {
    await note.make();
    await system
      .collector({
        at: async (step) => {
          if (step === "merged") await note.change({ text: "Meanwhile" });
        },
        limit: 1,
      })
      .collectBatch();
    expect(await note.here()).toMatchObject({ text: "A note" });
    expect(await note.there()).toHaveProperty("_dirty");
    await note.settled("Meanwhile");
  });

  test("clocks that are apart keep nothing waiting", async () => {
    const [ahead, behind] = [note.apart(86_400_000), note.apart(-86_400_000)];
    value(await ahead.create(notes, note.id, NOTE));
    await note.settled("A note");
    await note.changeHere("Here");
    await note.change({ text: "Behind" }, behind);
    await system.drain();
    expect(await system.verify()).toEqual([]);
    expect(await note.there()).not.toHaveProperty("_dirty");
  });
});

describe("changed on both sides", () => {
  beforeEach(async () => {
    await note.make();
    await system.drain();
  });

  test.each([
    ["MongoDB's, which is later", 60_000, "There", "Here"],
    ["Postgres', which is later", -60_000, "Here", "There"],
  ])("%s, stays; the other is kept for review", async (_, ms, stays, goes) => {
    await note.changeHere("Here");
    const { version: theirs } = await note.change({ text: "There" }, note.apart(ms));
    const { version: ours } = (await note.here()) as Row;
    await note.settled(stays);
    expect(await note.conflicts()).toMatchObject([
      {
        collection: "notes",
        owner: system.clerk,
        state: "open",
        kept: { row: { text: stays } },
        other: { row: { text: goes } },
      },
    ]);
    const row = await note.here();
    expect(row?.seen).toEqual({ 1: Number(ours), 2: theirs });
    expect(Number(row?.version)).toBe(Math.max(Number(ours), Number(theirs)));
    await note.changeHere("Later");
    await note.settled("Later");
    expect(await note.conflicts()).toHaveLength(1);
  });

  test("whichever is brought over first, the result is the same", async () => {
    await note.changeHere("Here");
    await note.change({ text: "There" }, note.apart(60_000));
    // nobody decides in MongoDB
    expect(value(await system.worker().run())).toMatchObject({ concurrent: 1, copied: 0 });
    expect(await note.there()).toMatchObject({ text: "There" });
    await note.settled("There");
    expect(await note.conflicts()).toHaveLength(1);
  });

  test("a document that nobody knows to be unsent is sent all the same", async () => {
    await note.changeHere("Here");
    await note.change({ text: "There" }, note.apart(60_000));
    await system.home.collection("notes").updateOne({ _id: new UUID(note.id) as never }, { $unset: { _dirty: "" } });
    expect(value(await system.collector().run())).toMatchObject({ sent: 0, merged: 0 });
    await note.settled("There");
    expect(await note.conflicts()).toHaveLength(1);
  });

  test("a deletion beats a change, however much later, and the change is kept for review", async () => {
    await note.deleteHere();
    await note.change({ text: "There" }, note.apart(60_000));
    await note.buried();
    expect(await note.conflicts()).toMatchObject([
      { kept: { deleted_at: expect.any(String) }, other: { row: { text: "There" } } },
    ]);
  });

  test("so does one in MongoDB", async () => {
    value(await note.apart(-60_000).delete(notes, note.id));
    await note.changeHere("Here");
    await note.buried();
    expect(await note.conflicts()).toMatchObject([{ other: { row: { text: "Here" } } }]);
  });

  test("the same contents are no conflict", async () => {
    await system.sql("update public.notes set text = 'Same', size = 1.5, at = '2026-01-01T00:00:00Z' where id = $1", [
      note.id,
    ]);
    await note.change({ text: "Same", size: "1.5", at: "2026-01-01T00:00:00.000Z" });
    await note.settled("Same");
    expect(await note.conflicts()).toEqual([]);
  });

  test("nor are two deletions", async () => {
    await note.deleteHere();
    value(await note.store.delete(notes, note.id));
    await note.buried();
    expect(await note.conflicts()).toEqual([]);
  });

  test("a deletion on one side, and on the other one and the same id again: the deletion stays, and both are known", async () => {
    await note.deleteHere();
    value(await note.store.delete(notes, note.id));
    value(await note.store.create(notes, note.id, { ...NOTE, text: "Again" }));
    await note.buried();
    expect(await note.conflicts()).toMatchObject([{ other: { row: { text: "Again" } } }]);
  });
});

describe("an id that two have made", () => {
  let stranger: string;
  beforeAll(async () => {
    stranger = randomUUID();
  });
  const insertStranger = () =>
    system.sql("insert into public.notes (clerk_id, id, text) values ($1, $2, 'Taken')", [stranger, note.id]);

  test("stays with whoever made it first", async () => {
    await note.make();
    await insertStranger();
    await note.settled("A note");
    expect(await note.here()).toMatchObject({ clerk_id: system.clerk });
    expect(await note.conflicts()).toMatchObject([{ owner: stranger, kept_owner: system.clerk }]);
  });

  test("is not taken away by deleting it", async () => {
    await note.make();
    await insertStranger();
    await note.deleteHere();
    await note.settled("A note");
  });

  test("and which is gone again is free for the other", async () => {
    await note.make();
    value(await note.store.delete(notes, note.id));
    await insertStranger();
    await note.settled("Taken");
    expect(await note.conflicts()).toEqual([]);
    const counts = await system.sql("select records from switchyard.user_usage where user_id = $1", [stranger]);
    const rows = await system.sql("select count(*)::int as n from public.notes where clerk_id = $1", [stranger]);
    expect(Number(counts[0]?.records)).toBe(rows[0]?.n);
  });
});
