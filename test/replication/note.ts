/** One note that both databases have, or are to have, and what is done to it on either side. */
import { randomUUID } from "node:crypto";
import { UUID } from "mongodb";
import { expect } from "vitest";
import type { Row } from "../../shared/repository/store.ts";
import { value } from "../contract/store.ts";
import { notes } from "./collections.ts";
import type { Replication } from "./system.ts";

export const NOTE: Row = { text: "A note", labels: [], size: null, at: null, more: null };
export type Note = ReturnType<typeof createNote>;

/** Of an id of its own; on neither side yet. */
export function createNote(system: Replication) {
  const id = randomUUID();
  const store = system.store();
  const make = async (values: Row = {}, by = store) =>
    value(await by.create(notes, id, { ...NOTE, ...values }, "hash"));
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

  return {
    id,
    store,
    make,
    change,
    insertHere,
    changeHere,
    deleteHere,
    here,
    grave,
    there,
    conflicts,
    pending,
    apart,
    settled,
    buried,
  };
}
