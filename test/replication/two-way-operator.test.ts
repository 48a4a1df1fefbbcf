/** The operator's work on what both databases take writes of: brought up, compared, mended, rebuilt, decided. */
import { randomUUID } from "node:crypto";
import { Long, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readUnsent } from "../../shared/mongo/unsent-state.ts";
import { repairCollection } from "../../shared/replication/repair.ts";
import { restore } from "../../shared/replication/restore.ts";
import { readDead, retryAll } from "../../shared/replication/unsent.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { value } from "../contract/store.ts";
import { copied, notes } from "./collections.ts";
import { createNote, NOTE, type Note } from "./note.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let note: Note;
beforeAll(async () => {
  system = await startReplication();
});
afterAll(() => system?.stop());
beforeEach(async () => {
  await system.drain();
  await documents().deleteMany({});
  await system.sql("delete from public.notes");
  await system.sql("delete from switchyard.tombstones where collection = 'notes'");
  await system.sql("delete from switchyard.marks");
  note = createNote(system);
});

const documents = () => system.home.collection("notes");
const one = (id: string = note.id) => ({ _id: new UUID(id) as never });
const count = async () => Number((await system.sql("select count(*) as n from public.notes"))[0]?.n);
/** As if they had been sent: what a restored backup of Postgres has forgotten. */
const forget = () => documents().updateMany({}, { $unset: { _dirty: "" } });
const makeThere = async (n: number) => {
  const ids = Array.from({ length: n }, () => randomUUID()).sort();
  for (const id of ids) value(await note.store.create(notes, id, NOTE));
  return ids;
};
const differences = async (patienceMs = 0) =>
  value(
    await verifyCollection({ source: system.source, mongo: system.mongo, collection: notes, deep: true, patienceMs }),
  ).differences;
const repair = async () =>
  value(await repairCollection({ source: system.source, mongo: system.mongo, collection: notes }, await differences()));

describe("backfill", () => {
  test("brings up either side from nothing, and does it once", async () => {
    value(await system.source.switch(false));
    await makeThere(20);
    await forget();
    await system.sql(
      "insert into public.notes (clerk_id, id, text) select $1, gen_random_uuid(), 'Here ' || n from generate_series(1, 10) n",
      [system.clerk],
    );
    expect(value(await system.backfill({ restart: true }))).toBe(30);
    expect([await count(), await documents().countDocuments()]).toEqual([30, 30]);
    expect(await system.verify()).toEqual([]);
    await forget();
    await system.sql("alter table public.notes disable trigger user");
    await system.sql("delete from public.notes");
    await system.sql("alter table public.notes enable trigger user");
    expect(value(await system.backfill())).toBe(0);
    expect(value(await system.backfill({ restart: true }))).toBe(30);
    expect(await count()).toBe(30);
  });
});

describe("verify and repair", () => {
  test("what is unsent is on its way, and no fault before it has been waited for", async () => {
    await makeThere(3);
    const looking = differences(30_000);
    await system.drain();
    expect(await looking).toEqual([]);
    const [id = ""] = await makeThere(1);
    expect(await differences()).toEqual([{ collection: "notes", id, is: "extra" }]);
  });

  test("whichever side has more is sent to the other; what nobody can tell apart is left", async () => {
    const [missing = "", extra = "", older = "", newer = "", both = "", other = ""] = await makeThere(6);
    await system.drain();
    await documents().deleteOne(one(missing));
    const silently = async (statement: string, id: string) => {
      await system.sql("alter table public.notes disable trigger user");
      await system.sql(statement, [id]);
      await system.sql("alter table public.notes enable trigger user");
    };
    await silently("delete from public.notes where id = $1", extra);
    await system.sql("update public.notes set text = 'Newer here' where id = any ($1::uuid[])", [[older, both]]);
    await system.sql("delete from switchyard.marks");
    for (const id of [newer, both]) value(await note.store.update(notes, id, { text: "Newer there" }));
    await forget();
    await documents().updateOne(one(other), { $set: { text: "By hand" } });
    expect((await differences()).map(({ id, is }) => [id, is])).toEqual(
      [
        [missing, "missing"],
        [extra, "extra"],
        [older, "older"],
        [newer, "newer"],
        [both, "concurrent"],
        [other, "other"],
      ].sort(([one = ""], [two = ""]) => (one < two ? -1 : 1)),
    );
    expect(await repair()).toMatchObject({ marked: 5, replaced: 0, left: [{ id: other, is: "other" }] });
    await system.drain();
    expect(await differences()).toEqual([{ collection: "notes", id: other, is: "other" }]);
    expect(await documents().findOne(one(other))).toMatchObject({ text: "By hand" });
    expect(await count()).toBe(6);
  });
});

test("restore brings back what Postgres has lost, tombstones, too, and decides where both have changed a row", async () => {
  const ids = await makeThere(6);
  await system.drain();
  const [gone = "", changed = "", ...lost] = ids;
  value(await note.store.delete(notes, gone));
  await system.drain();
  await system.sql("alter table public.notes disable trigger user");
  await system.sql("delete from public.notes where id = any ($1::uuid[])", [lost]);
  await system.sql("alter table public.notes enable trigger user");
  await system.sql("delete from switchyard.tombstones where collection = 'notes'");
  await system.sql("update public.notes set text = 'Here' where id = $1", [changed]);
  value(await note.store.update(notes, changed, { text: "There" }));
  const run = async (dryRun: boolean) =>
    value(await restore({ source: system.source, mongo: system.mongo, collections: copied, limit: 2, dryRun })).find(
      ({ collection }) => collection === "notes",
    );
  expect(await run(true)).toEqual({ collection: "notes", looked: 6, restored: 6, refused: [] });
  expect(await count()).toBe(1);
  expect(await run(false)).toEqual({ collection: "notes", looked: 6, restored: 6, refused: [] });
  expect(await count()).toBe(5);
  await system.drain();
  expect(await system.verify()).toEqual([]);
  expect(value(await system.source.conflicts(1, false))).toMatchObject([{ row_id: changed }]);
});

test("status tells what each direction has, and retry has what was set aside tried again", async () => {
  await note.insertHere();
  const [dead = "", fresh = ""] = await makeThere(2);
  await documents().updateOne(one(dead), {
    $set: { "_dirty.dead": true, "_dirty.attempts": 8, "_dirty.error": "a rule", "_dirty.due": new Date() },
  });
  const unsent = () => readUnsent(system.home, [notes], Date.now(), 10_000);
  expect(value(await system.source.status()).collections).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ collection: "notes", both_ways: true, pending: 1 }),
      expect.objectContaining({ collection: "senders", both_ways: false, received_up_to: null }),
    ]),
  );
  expect(await unsent()).toEqual([
    { collection: "notes", pending: 1, failing: 0, dead: 1, oldest_ms: expect.any(Number) },
  ]);
  expect(await readDead(documents(), 10)).toEqual([{ id: dead, attempts: 8, error: "a rule" }]);
  await system.drain();
  expect(await unsent()).toMatchObject([{ pending: 0, dead: 1, oldest_ms: null }]);
  expect([await count(), fresh.length]).toEqual([2, 36]);
  expect(await retryAll(documents())).toBe(1);
  await system.drain();
  expect(await unsent()).toMatchObject([{ pending: 0, dead: 0 }]);
  expect(value(await system.source.status()).copied_per_second).toBeGreaterThan(0);
  expect(await system.verify()).toEqual([]);
});

test("status tells how late what comes from MongoDB is, from when it was written there", async () => {
  await system.sql("delete from switchyard.replication_batches");
  const lags = async () => {
    const { lag_p50_ms, back_lag_p50_ms, back_lag_p99_ms } = value(await system.source.status());
    return [lag_p50_ms, back_lag_p50_ms, back_lag_p99_ms];
  };
  expect(await lags()).toEqual([null, null, null]);
  await note.make({}, note.apart(-60_000));
  value(await system.collector().run());
  const [there, p50, p99] = await lags();
  expect(there).toBeNull();
  for (const lag of [p50, p99]) expect(lag).toBeGreaterThanOrEqual(60_000);
});

describe("a conflict", () => {
  const conflict = async () => {
    const [found] = await note.conflicts();
    return value(await system.source.conflict(Number(found?.id)));
  };
  beforeEach(async () => {
    await note.make();
    await system.drain();
  });

  test("is decided for the other version by a new write, which both get", async () => {
    await note.changeHere("Here");
    const { version } = await note.change({ text: "There" }, note.apart(60_000));
    await note.settled("There");
    const { id, kept, other, present } = await conflict();
    expect([kept.row?.text, other.row?.text, present?.row?.text]).toEqual(["There", "Here", "There"]);
    // from whichever side it came, the same is spelt alike
    expect(kept.row).toEqual(present?.row);
    expect([other.row?.created_at, other.row?.labels]).toEqual([kept.row?.created_at, kept.row?.labels]);
    const chosen = value(await system.source.choose(id, "other"));
    expect(chosen.version).toBeGreaterThan(Number(version));
    await note.settled("Here");
    // who has read the version that had stayed does not overwrite this one
    expect(
      (await note.store.update(notes, note.id, { text: "Late" }, Number(version)))._unsafeUnwrapErr(),
    ).toMatchObject({ kind: "conflict" });
    expect((await system.source.choose(id, "kept"))._unsafeUnwrapErr()).toMatchObject({ kind: "invalid" });
    expect((await system.source.choose(999_999, "kept"))._unsafeUnwrapErr()).toMatchObject({ kind: "not_found" });
  });

  test("with a deletion brings the record back as it was, in its place", async () => {
    await note.deleteHere();
    const { created_at } = await note.change({ text: "There" });
    await note.buried();
    const { id, present } = await conflict();
    expect(present).toMatchObject({ deleted_at: expect.any(String) });
    value(await system.source.choose(id, "other"));
    await note.settled("There");
    expect(value(await note.store.get(notes, note.id))).toMatchObject({ created_at });
  });

  test("that is kept is right as it is, whatever has become of the row", async () => {
    await note.changeHere("Here");
    await note.change({ text: "There" }, note.apart(60_000));
    await note.settled("There");
    await note.changeHere("Later");
    const { id } = await conflict();
    expect(value(await system.source.choose(id, "kept"))).toEqual({ state: "kept", version: null });
    await note.settled("Later");
    expect(value(await system.source.conflicts(10, false)).map((each) => each.id)).not.toContain(id);
  });

  test("goes with the account of whoever wrote it", async () => {
    const { id: leaving } = await system.user();
    const store = system.storeOf(leaving);
    const id = randomUUID();
    value(await store.create(notes, id, NOTE));
    await system.drain();
    await system.sql("update public.notes set text = 'Here' where id = $1", [id]);
    value(await store.update(notes, id, { text: "There" }));
    await system.drain();
    const left = () => system.sql("select id from switchyard.conflicts where owner = $1", [leaving]);
    expect(await left()).toHaveLength(1);
    await system.sql("select switchyard.delete_records($1, 100)", [leaving]);
    expect(await left()).toEqual([]);
  });
});

test("marks of a long outage are compacted before they are copied, and how fast it goes is said", async () => {
  await system.fill(50);
  for (let n = 0; n < 9; n++) await system.sql("update public.senders set name = left(name || 'x', 100)");
  const lines: { event: string; fields: Record<string, unknown> }[] = [];
  const told = (event: string, fields: object = {}) => void lines.push({ event, fields: { ...fields } });
  const log = { debug: told, info: told, warn: told, error: told };
  expect(value(await system.worker({ limit: 20, log }).run())).toMatchObject({ copied: 50 });
  expect(lines.find(({ event }) => event === "replication_compacted")?.fields).toEqual({ removed: expect.any(Number) });
  const marks = lines.filter(({ event }) => event === "replicated").map(({ fields }) => Number(fields.marks));
  // of 500 marks
  expect(marks.reduce((sum, n) => sum + n, 0)).toBeLessThan(100);
  expect(lines.find(({ event }) => event === "replicated")?.fields).toMatchObject({
    rows_per_second: expect.any(Number),
  });
  expect(await system.verify()).toEqual([]);
});

test("a version with another site's number is left to Postgres, too", async () => {
  await note.make();
  await system.drain();
  await note.changeHere("Here");
  await documents().updateOne(one(), { $set: { "_seen.5": Long.fromString("1700000000000005") } });
  await system.drain();
  expect(await system.verify()).toEqual([]);
  expect((await note.here())?.seen).toMatchObject({ 5: 1_700_000_000_000_005 });
});
