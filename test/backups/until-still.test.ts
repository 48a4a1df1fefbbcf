/** What gives no snapshot is read again until it stands still: what is told last of each record is what is there. */
import { Long, UUID } from "bson";
import { expect, test } from "vitest";
import { type Content, createBackup } from "../../shared/backups/create.ts";
import { isTombstone, type Line } from "../../shared/backups/record-lines.ts";
import type { BackupStorage } from "../../shared/backups/storage.ts";
import { untilStill } from "../../shared/backups/until-still.ts";
import { contacts } from "../../shared/collections/contacts.ts";

const uuid = (n: number) => new UUID(`0197f0a0-0000-7000-8000-${n.toString(16).padStart(12, "0")}`);
/** Keeps the names alone. */
function nowhere(): BackupStorage {
  const paths = new Set<string>();
  const storage: Pick<BackupStorage, "place" | "put" | "list"> = {
    place: "nowhere",
    async put(path, bytes) {
      for await (const _ of bytes);
      paths.add(path);
    },
    async *list(prefix) {
      for (const path of paths) if (path.startsWith(prefix)) yield path;
    },
  };
  return storage as BackupStorage;
}

interface Held {
  version: number;
  isGone?: boolean;
}

/** A database that is written while it is read: after each line that it gives, as long as there are changes. */
function changing(changes: ((held: Map<number, Held>) => void)[]) {
  const held = new Map<number, Held>(Array.from({ length: 6 }, (_, n) => [n, { version: 100 + n }]));
  const told = new Map<string, { version: number; isGone: boolean }>();
  const { lines, again } = untilStill(
    async function* (_, { newerThan = 0 } = {}) {
      // a cursor that has passed a record does not come back to it
      for (const n of [...held.keys()]) {
        const { version = 0, isGone } = held.get(n) ?? {};
        if (version <= newerThan) continue;
        yield {
          id: uuid(n),
          user_id: uuid(0),
          version: Long.fromNumber(version),
          ...(isGone && { _deleted_at: new Date() }),
        };
        changes.shift()?.(held);
      }
    },
    () => 90,
  );
  async function* telling(given: AsyncIterable<Line>): AsyncIterable<Line> {
    for await (const line of given) {
      told.set(String(line.id), { version: Number(line.version), isGone: isTombstone(line) });
      yield line;
    }
  }
  const content = (read: typeof again): Content => ({
    name: "contacts",
    collection: contacts,
    lines: () => telling(read(contacts)),
  });
  const source = {
    name: "mongodb",
    kind: "mongodb",
    site: 2,
    read: "read again by version until still",
    complete_to: {},
  } as const;
  const make = () =>
    createBackup({
      ...{ storage: nowhere(), sources: [{ ...source, contents: [content(lines)], again: [content(again)] }] },
      ...{
        schema_hash: "s",
        schema_revision: 9,
        migrations: [],
        missing: [],
        ledger: null,
        kind: "full",
        parent: null,
      },
      ...{ only: null, recipient: null },
    });
  const there = () =>
    Object.fromEntries(
      [...held].map(([n, one]) => [String(uuid(n)), { version: one.version, isGone: one.isGone ?? false }]),
    );
  return { make, there, told: () => Object.fromEntries(told) };
}

test("records made, changed and deleted behind the reader are told, and nothing twice for nothing", async () => {
  const { make, there, told } = changing([
    (held) => held.set(0, { version: 200 }),
    (held) => held.set(9, { version: 201 }),
    () => undefined,
    (held) => held.set(1, { version: 202, isGone: true }),
    () => undefined,
    () => undefined,
    // while it is read again
    (held) => held.set(9, { version: 203 }),
    (held) => held.set(2, { version: 204 }),
  ]);
  const { parts, missing } = await make();
  expect(told()).toEqual(there());
  expect(missing).toEqual([]);
  // the second time 0, 1, 2 and 9, and then nothing
  expect(parts.map(({ count }) => count)).toEqual([6, 4]);
  expect(new Set(parts.map(({ path }) => path)).size).toBe(parts.length);
});

test("what never stands still is said", async () => {
  let version = 1_000;
  const { make } = changing(
    Array.from({ length: 10_000 }, () => (held: Map<number, Held>) => held.set(3, { version: ++version })),
  );
  expect((await make()).missing).toEqual([expect.stringContaining("mongodb: it was written without a pause")]);
});
