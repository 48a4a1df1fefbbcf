/** What is written here while a version from MongoDB of the same row is being taken: each waits for the other, and sees it. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { value } from "../contract/store.ts";
import { notes } from "../replication/collections.ts";
import { createNote, NOTE, type Note } from "../replication/note.ts";
import { type Replication, startReplication } from "../replication/system.ts";
import { untilBlocked } from "./blocked.ts";

let system: Replication;
let sql: postgres.Sql;
let note: Note;
beforeAll(async () => {
  system = await startReplication();
  sql = postgres(system.supabase.adminUrl, { max: 4, onnotice: () => undefined });
});
afterAll(async () => {
  await sql?.end();
  await system?.stop();
});
beforeEach(async () => {
  note = createNote(system);
  await note.make();
  await system.drain();
});

type Transaction = postgres.TransactionSql;
const insert = (by: postgres.Sql | Transaction, text: string) =>
  by`insert into public.notes (clerk_id, id, text) values (${system.clerk}, ${note.id}, ${text})`;

/** What the collector sends, in a transaction that the test ends. */
async function merge(by: Transaction): Promise<void> {
  const source = {
    merge: async (collection: string, rows: readonly unknown[], upTo: Date | null) => {
      await by`select public.switchyard_replication_merge(${collection}, ${JSON.stringify(rows)}, ${upTo})`;
      throw new Error("the transaction is open");
    },
  };
  await system
    .collector({ source: source as never })
    .run()
    .catch(() => undefined);
}

/** `begin` in a transaction that is committed only when `meanwhile` waits for it. */
async function whileOpen<T>(begin: (by: Transaction) => Promise<unknown>, meanwhile: () => Promise<T>): Promise<T> {
  let waiting: Promise<T> | undefined;
  await sql.begin(async (by) => {
    await begin(by);
    waiting = Promise.resolve(meanwhile());
    waiting.catch(() => undefined);
    await untilBlocked(sql, by);
  });
  return waiting as Promise<T>;
}

test("an insert that waits for a deletion from MongoDB is refused, and made again it includes that", async () => {
  // by a clock that is behind, so that the version alone would let the insert through
  value(await note.apart(-3_600_000).delete(notes, note.id));
  await expect(whileOpen(merge, async () => insert(sql, "Again"))).rejects.toMatchObject({ code: "40001" });
  await insert(sql, "Again");
  await note.settled("Again");
  expect(await note.conflicts()).toEqual([]);
});

test("a change that waits for one from MongoDB includes it", async () => {
  await note.change({ size: "7" });
  await whileOpen(merge, async () => sql`update public.notes set text = 'Both' where id = ${note.id}`);
  await note.settled("Both");
  expect(await note.there()).toMatchObject({ text: "Both" });
  expect(value(await note.store.get(notes, note.id))).toMatchObject({ size: "7.00" });
  expect(await note.conflicts()).toEqual([]);
});

test("a version from MongoDB that waits for a change sees it, and is put together with it", async () => {
  await note.change({ text: "There" }, note.apart(60_000));
  await whileOpen(
    (by) => by`update public.notes set text = 'Here' where id = ${note.id}`,
    async () => system.collector().run(),
  );
  await note.settled("There");
  expect(await note.conflicts()).toMatchObject([{ other: { row: { text: "Here" } } }]);
});

test("one that waits for an insert of its id sees it", async () => {
  note = createNote(system);
  value(await note.store.create(notes, note.id, { ...NOTE, text: "There" }));
  await whileOpen(
    (by) => insert(by, "Here"),
    async () => system.collector().run(),
  );
  await note.settled("Here");
  expect(await note.conflicts()).toMatchObject([{ other: { row: { text: "There" } } }]);
});

test("a deletion from MongoDB that comes beside an insert of its id, which it cannot see, leaves one of both", async () => {
  note = createNote(system);
  value(await note.store.create(notes, note.id, NOTE));
  value(await note.store.delete(notes, note.id));
  // nothing holds it up: there is no row to lock
  await sql.begin(async (by) => {
    await insert(by, "Here");
    value(await system.collector().run());
  });
  await note.buried();
  expect(await note.conflicts()).toMatchObject([{ other: { row: { text: "Here" } } }]);
});

test("and until they are put together, whoever deletes the record can", async () => {
  note = createNote(system);
  value(await note.store.create(notes, note.id, NOTE));
  value(await note.apart(3_600_000).delete(notes, note.id));
  await sql.begin(async (by) => {
    await insert(by, "Here");
    value(await system.collector().run());
  });
  await note.deleteHere();
  const { version, seen } = Object(await note.grave());
  expect(Number(version)).toBe(Math.max(...Object.values(seen as Record<string, number>)));
  expect(Object.keys(seen)).toEqual(["1", "2"]);
  await note.buried();
});

test("two that bring the same rows in other orders do not wait for each other for ever", async () => {
  const ids = Array.from({ length: 200 }, () => randomUUID());
  for (const id of ids) value(await note.store.create(notes, id, NOTE));
  const all = await Promise.all(Array.from({ length: 4 }, () => system.collector({ limit: 60 }).run()));
  for (const each of all) value(each);
  await system.drain();
  expect(await system.verify()).toEqual([]);
});
