/** What Postgres does not take of what was written in MongoDB, and what belongs to a room; and how both stand. */
import { randomUUID } from "node:crypto";
import { UUID } from "mongodb";
import { err } from "neverthrow";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
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

describe("rows that Postgres does not take", () => {
  const dirty = async () => (await note.there())?._dirty;

  test("are refused with their reason, less and less often tried, set aside, and sent once they are mended", async () => {
    await system.sql("alter table public.notes add constraint no_bad check (text <> 'Bad')");
    await note.make({ text: "Bad" });
    const other = randomUUID();
    value(await note.store.create(notes, other, NOTE));
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
    await note.change({ text: "Good" });
    await note.settled("Good");
  });

  test("of a batch that cannot be read as a whole are found, and alone are refused", async () => {
    const others = Array.from({ length: 5 }, () => randomUUID());
    for (const each of others) value(await note.store.create(notes, each, NOTE));
    await note.make();
    const documents = system.home.collection("notes");
    await documents.updateOne({ _id: new UUID(note.id) as never }, { $set: { text: "by hand \u0000" } });
    expect(value(await system.collector().run())).toMatchObject({ sent: 5, refused: 1 });
    await documents.deleteOne({ _id: new UUID(note.id) as never });
  });

  test("because Postgres is away are no row's fault", async () => {
    await note.make();
    const source = { ...system.source, merge: async () => err(unavailable("Supabase does not answer.")) };
    expect((await system.collector({ source }).run())._unsafeUnwrapErr()).toMatchObject({ kind: "unavailable" });
    expect(await dirty()).not.toHaveProperty("attempts");
    await note.settled("A note");
  });

  test("are none for a quota, which was the business of where they were written", async () => {
    await system.sql("update switchyard.quotas set records = 0");
    try {
      await note.make();
      await note.settled("A note");
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
    await note.make();
    await note.settled("A note");
  });

  test("is deleted on both sides when it arrives after the room has gone", async () => {
    await close();
    await note.make();
    await note.buried();
    expect(await note.conflicts()).toEqual([]);
  });

  test("is refused by name, and not deleted, where nothing says that the room was deleted", async () => {
    await close();
    await system.drain();
    await system.sql("delete from switchyard.tombstones where id = $1", [room()]);
    await note.make();
    expect(value(await system.collector().run())).toMatchObject({ refused: 1 });
    expect(await note.there()).toMatchObject({ text: "A note", _dirty: { error: expect.stringContaining("senders") } });
    await system.home.collection("notes").deleteOne({ _id: new UUID(note.id) as never });
  });
});

test("a tombstone expires in neither database before the other has it", async () => {
  const expire = async () => {
    await system.sql("update switchyard.tombstones set deleted_at = now() - interval '8 days' where id = $1", [
      note.id,
    ]);
    await system.sql("select public.switchyard_expire_tombstones()");
  };
  await note.make();
  await system.drain();
  await note.deleteHere();
  await expire();
  expect(await note.grave()).toBeDefined();
  value(await note.store.delete(notes, note.id));
  expect(await note.there()).not.toHaveProperty("_acknowledged_at");
  await note.buried();
  await expire();
  expect(await note.grave()).toBeUndefined();
});

describe("how it stands", () => {
  // the application's own, which nobody collects here
  const others = (areThere: boolean) =>
    system.sql("update switchyard.collections set takes_writes_behind = $1 where name = 'direct_messages'", [areThere]);
  beforeAll(() => others(false));
  afterAll(() => others(true));
  const fallback = async () => (await system.sql("select public.switchyard_replication_fallback() as is"))[0]?.is;

  test("Postgres says what MongoDB lacks, and up to when it has what MongoDB has", async () => {
    await system.sql("delete from switchyard.replication_received");
    await system.drain();
    const before = (await fallback()) as { complete_up_to: string };
    expect(before).toMatchObject({ is_on: true, pending: false, oldest_pending_ms: null });
    await note.insertHere();
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
    await note.make({ text: "Bad" });
    const collector = system.collector();
    value(await collector.run());
    value(await collector.run());
    expect(await upTo()).toBeNull();
    await note.change({ text: "Good" });
    const now = Date.now();
    value(await system.collector({ now: () => now }).run());
    const complete = await upTo();
    expect(Date.parse(complete ?? "")).toBe(now - 1_000);
    value(await system.collector({ now: () => now - 30_000 }).run());
    expect(await upTo()).toBe(complete);
    value(await system.collector({ now: () => now + 86_400_000 }).run());
    expect(Date.parse((await upTo()) ?? "")).toBeLessThan(now + 3_600_000);
  });

  test("whoever copies is awaited from a write there until it has come, and while nobody writes nobody is", async () => {
    // seconds after the start of Postgres, of what was before which nobody knows
    const at = (seconds: number) => `pg_postmaster_start_time() + interval '${seconds} seconds'`;
    const awaited = async (seconds: number) =>
      (await system.sql(`select switchyard.is_back_awaited(${at(seconds)}) as is`))[0]?.is;
    const woken = (seconds: number) => system.sql(`update switchyard.replication set woken_at = ${at(seconds)}`);
    await woken(-1);
    expect(await awaited(1)).toBe(true);
    await woken(1);
    expect([await awaited(2), await awaited(86_400)]).toEqual([false, false]);
    const complete = (seconds: number) =>
      system.sql(`update switchyard.replication_received set complete_up_to = ${at(seconds)}`);
    await system.sql(`update switchyard.replication_presence set writes_until = ${at(100)}`);
    await complete(99);
    // not before the write must have ended, and then less and less often
    expect([await awaited(100), await awaited(102)]).toEqual([false, true]);
    await woken(110);
    expect([await awaited(119), await awaited(121)]).toEqual([false, true]);
    await woken(1_100);
    expect([await awaited(1_500), await awaited(2_300)]).toEqual([false, true]);
    await complete(100);
    expect(await awaited(2_300)).toBe(false);
  });

  test("whoever writes there says until when, and so does whoever reads here", async () => {
    const presence = async () => (await system.sql("select * from switchyard.replication_presence"))[0];
    await system.sql("update switchyard.replication_presence set reads_until = 'epoch', writes_until = 'epoch'");
    const call = async (parameters: string) =>
      (await system.sql(`select public.switchyard_replication_fallback(${parameters}) as is`))[0]?.is;
    expect(await call("")).toMatchObject({ is_read_here: false });
    expect(await call("p_writes_ms => 60000")).toMatchObject({ is_read_here: false });
    expect(await call("p_reads_ms => 60000")).toMatchObject({ is_read_here: true });
    const said = await presence();
    await call("p_reads_ms => 59500, p_writes_ms => 59500");
    expect(await presence()).toEqual(said);
    // of before a clock was set back
    await system.sql("update switchyard.replication_presence set reads_until = clock_timestamp() + interval '1 day'");
    expect(await call("")).toMatchObject({ is_read_here: false });
    expect(await call("p_reads_ms => 60000")).toMatchObject({ is_read_here: true });
  });
});
