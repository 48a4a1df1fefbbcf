/**
 * What random histories of two writing sides are made of, and what has to be true at their end. Every write adds a word of its own
 * to what it has read, so that each word that was acknowledged can be asked for: it is in the row, or somebody deleted it who had
 * read it, or it is in a conflict.
 */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type { MongoClient } from "mongodb";
import { expect } from "vitest";
import type { CollectorStep } from "../../shared/replication/collector.ts";
import type { Step } from "../../shared/replication/worker.ts";
import { value } from "../contract/store.ts";
import { notes, sideOf } from "./collections.ts";
import { interruptedAt, orDied, type Pause } from "./rounds.ts";
import type { Replication } from "./system.ts";

const IDS = 3;
type Verb = "create" | "change" | "delete";
export type Action =
  | { do: "write there"; verb: Verb; which: number; apartMs: number }
  | { do: "write here"; verb: Verb; which: number }
  | { do: "change all here" }
  | { do: "work"; limit: number; dies: Step | undefined; pauses: Step | undefined }
  | { do: "collect"; limit: number; dies: CollectorStep | undefined; pauses: CollectorStep | undefined }
  | { do: "compact" }
  | { do: "leases end" };

const verbs = fc.constantFrom<Verb>("create", "change", "change", "change", "delete");
const which = fc.nat(IDS - 1);
const workerSteps = ["claimed", "applied", "remembered", "settled"] as const;
const collectorSteps = ["read", "merged", "cleared"] as const;
const oneOfThem =
  (none: number) =>
  <S>(steps: readonly S[]): fc.Arbitrary<S | undefined> =>
    fc.oneof({ weight: none, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...steps) });
const sometimes = oneOfThem(1);
const seldom = oneOfThem(5);
const limits = fc.integer({ min: 1, max: 10 });
export const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("write there" as const),
      verb: verbs,
      which,
      apartMs: fc.constantFrom(-3_600_000, -500, 0, 500, 3_600_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write here" as const), verb: verbs, which }) },
  { weight: 1, arbitrary: fc.constant<Action>({ do: "change all here" }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("work" as const),
      limit: limits,
      dies: seldom<Step>(workerSteps),
      pauses: sometimes<Step>(workerSteps),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("collect" as const),
      limit: limits,
      dies: seldom<CollectorStep>(collectorSteps),
      pauses: sometimes<CollectorStep>(collectorSteps),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ do: "compact" }) },
  { weight: 1, arbitrary: fc.constant<Action>({ do: "leases end" }) },
);

/** Of one history. */
export interface Told {
  ids: string[];
  nextWord: number;
  /** that were acknowledged */
  words: { id: string; word: string }[];
  /** what those had read who deleted it */
  deleted: Set<string>;
  /** of which it is not known whether somebody deleted them, and what was in them by then */
  perhapsDeleted: Set<string>;
  versions: { id: string; site: number; version: number; words: readonly string[] | null }[];
}
const wordsIn = (more: unknown): string[] => (Array.isArray(more) ? more.map(String) : []);
const HERE: Readonly<Record<Verb, string>> = {
  create:
    "insert into public.notes (clerk_id, id, text, more) values ($3, $1, 'Here', jsonb_build_array($2::text)) on conflict do nothing returning id, version, more",
  change:
    "update public.notes set more = more || to_jsonb($2::text) where id = $1 and $3::uuid is not null returning id, version, more",
  delete:
    "delete from public.notes where id = $1 and $2::text <> '' and $3::uuid is not null returning id, version, more",
};

export const isPausing = (action: Action) =>
  (action.do === "work" || action.do === "collect") && action.pauses !== undefined;

/** Play of one system, its workers over `proxied`. `mayDie`: so may the servers themselves. */
export function createPlay(system: Replication, proxied: MongoClient, { mayDie = false } = {}) {
  async function writeThere(told: Told, id: string, verb: Verb, apartMs: number): Promise<void> {
    const store = system.store(() => Date.now() + apartMs);
    const word = `w${told.nextWord++}`;
    const acknowledged = ({ version }: { version?: unknown }, words: string[] | null) =>
      told.versions.push({ id, site: 2, version: Number(version), words });
    if (verb === "create") {
      const made = await store.create(notes, id, { text: "There", labels: [], size: null, at: null, more: [word] });
      if (made.isErr()) return;
      acknowledged(made.value, [word]);
      told.words.push({ id, word });
      return;
    }
    const read = await store.get(notes, id);
    if (read.isErr()) return;
    const before = wordsIn(read.value.more);
    if (verb === "change") {
      const more = [...before, word];
      // who has read something else would take it away unseen
      const changed = await store.update(notes, id, { more }, Number(read.value.version));
      if (changed.isErr()) return;
      acknowledged(changed.value, more);
      told.words.push({ id, word });
      return;
    }
    const gone = await store.delete(notes, id, Number(read.value.version));
    // one that was not answered may have been done
    if (gone.isOk() || gone.error.kind === "unavailable") for (const each of before) told.deleted.add(each);
  }

  async function writeHere(told: Told, verb: Verb, ...ids: string[]): Promise<void> {
    const word = `h${told.nextWord++}`;
    for (const id of ids) {
      const own = `${word}-${id.slice(0, 4)}`;
      // one that fails has written nothing, unless it is the server that died
      const rows = await system.sql(HERE[verb], [id, own, system.clerk]).catch(() => {
        if (mayDie && verb === "delete") told.perhapsDeleted.add(id);
        return [];
      });
      for (const { version, more } of rows) {
        if (verb === "delete") for (const each of wordsIn(more)) told.deleted.add(each);
        else {
          told.versions.push({ id, site: 1, version: Number(version), words: wordsIn(more) });
          told.words.push({ id, word: own });
        }
      }
    }
  }

  const leasesEnd = () =>
    system.sql(
      "update switchyard.marks set leased_until = clock_timestamp() - interval '1 second' where leased_until is not null",
    );

  async function run(told: Told, action: Action, pause: Pause): Promise<void> {
    switch (action.do) {
      case "write there":
        return writeThere(told, told.ids[action.which] as string, action.verb, action.apartMs);
      case "write here":
        return writeHere(told, action.verb, told.ids[action.which] as string);
      case "change all here":
        return writeHere(told, "change", ...told.ids);
      case "work": {
        const { limit, pauses, dies } = action;
        const at = interruptedAt(pauses, dies, pause);
        return orDied(system.worker({ mongo: sideOf(proxied), limit, leaseSeconds: 5, at }).run(1_000));
      }
      case "collect": {
        const { limit, pauses, dies } = action;
        const at = interruptedAt(pauses, dies, pause);
        return orDied(system.collector({ mongo: sideOf(proxied), limit, at }).run(1_000));
      }
      case "compact": {
        const done = await system.source.compact(0);
        if (!mayDie) value(done);
        return;
      }
      case "leases end":
        await leasesEnd().catch((error) => {
          if (!mayDie) throw error;
        });
    }
  }

  /** What a history that failed has left is no part of the next one, which may be the same, shorter. */
  async function clear(): Promise<void> {
    await system.home.collection("notes").deleteMany({});
    for (const statement of [
      "delete from public.notes",
      "delete from switchyard.tombstones where collection = 'notes'",
      "delete from switchyard.marks",
      "delete from switchyard.replication_failures",
    ])
      await system.sql(statement);
  }

  /** What is there at the end accounts for everything that was acknowledged. */
  async function expectNothingLost({ ids, words, deleted, perhapsDeleted, versions }: Told): Promise<void> {
    const rows = await system.sql("select id, version, seen, more from public.notes where id = any ($1::uuid[])", [
      ids,
    ]);
    const graves = await system.sql(
      "select id, version, seen from switchyard.tombstones where collection = 'notes' and id = any ($1::uuid[])",
      [ids],
    );
    const present = new Map([...rows, ...graves].map((row) => [String(row.id), row]));
    expect(present.size).toBe(rows.length + graves.length);
    const accounted = new Set(deleted);
    for (const { more } of rows) for (const word of wordsIn(more)) accounted.add(word);
    for (const { other } of await system.sql("select other from switchyard.conflicts where row_id = any ($1::uuid[])", [
      ids,
    ]))
      for (const word of wordsIn((other as { row?: { more: unknown } }).row?.more)) accounted.add(word);
    expect(words.filter(({ id, word }) => !accounted.has(word) && !perhapsDeleted.has(id))).toEqual([]);
    for (const { id, site, version, words: written } of versions) {
      const row = present.get(id) ?? {};
      expect(Number(Object(row.seen)[site])).toBeGreaterThanOrEqual(version);
      // one version is one text: it is the ETag
      if (written && "more" in row && Number(row.version) === version) expect(wordsIn(row.more)).toEqual(written);
    }
  }

  return {
    /** One action of a history. */
    run,
    /** Nothing is there, and what a history is told in. */
    async begin(): Promise<Told> {
      await clear();
      const ids = Array.from({ length: IDS }, () => randomUUID());
      return { ids, nextWord: 0, words: [], deleted: new Set(), perhapsDeleted: new Set(), versions: [] };
    },
    /** Everything is copied, both sides are equal, and nothing that was acknowledged is lost. */
    async expectEnd(told: Told): Promise<void> {
      await leasesEnd();
      await system.drain();
      expect(value(await system.source.status())).toMatchObject({ pending: 0, failing: 0, dead: 0 });
      expect(await system.home.collection("notes").countDocuments({ _dirty: { $exists: true } })).toBe(0);
      expect(await system.verify()).toEqual([]);
      await expectNothingLost(told);
    },
  };
}
